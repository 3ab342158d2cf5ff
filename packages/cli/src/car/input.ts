/** The CAR, or index, that a command reads: a file, or what is piped in. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type CarLayout, readLayout, refuseReferences } from '@dagstore/carv2'
import type { BlockingSource, ByteProgress, ByteSource } from '@dagstore/io'
import { openDirectory, openFileSource } from '@dagstore/io/node'
import { aboutFile } from '../commands/files.ts'
import { codeOf, CommandError } from '../failure.ts'
import { startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'

export interface Input {
  /** Absolute. */
  readonly path: string
  /** As the user named it. */
  readonly label: string
}

/** `-`, or no name where one may be left out, is what is piped in, kept in a temporary file for as long as `work` takes. Failures name the input. */
export const withInput = async <T>(file: string | undefined, terminal: Terminal, work: (input: Input) => Promise<T>): Promise<T> => {
  if (file !== undefined && file !== '-') {
    const path = resolve(terminal.cwd, file)
    return aboutFile(file, () => work({ path, label: file }), path)
  }
  const { stdin, signal } = terminal
  if (stdin === undefined) throw new CommandError('COMMAND_USAGE', 'name a file, or pipe one in')
  const folder = await mkdtemp(join(tmpdir(), `dagstore-stdin-${process.pid}-`))
  const path = join(folder, 'input')
  try {
    return await aboutFile('stdin', async () => {
      await openDirectory(folder).writeAtomic('input', stdin(), { signal })
      return work({ path, label: 'stdin' })
    }, path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The same as an opened source with a progress line, all of it ended whatever happens. */
export const withSource = <T>(file: string | undefined, what: string, terminal: Terminal, work: (source: BlockingSource, onProgress: (progress: ByteProgress) => void, input: Input) => Promise<T>): Promise<T> =>
  withInput(file, terminal, async (input) => {
    const source = await openFileSource(input.path, { label: input.label })
    const progress = startProgress(terminal, what)
    try {
      return await work(source, ({ doneBytes, totalBytes }) => { progress.update(doneBytes, totalBytes) }, input)
    } finally {
      progress.end()
      await source.close()
    }
  })

/** That a CAR holds its data itself. @throws {CarV2Error} `CARV2_REFERENCES`; no CAR */
export const refuseForeignData = async (source: ByteSource, { signal }: Pick<Terminal, 'signal'>): Promise<void> =>
  refuseReferences(source, await readLayout(source, { badIndex: 'report', signal }), 'the file', { signal })

/** As {@link layoutOf}, of a CAR that holds its data itself. @throws {CarV2Error} `CARV2_REFERENCES` */
export const contentLayoutOf = async (source: ByteSource, input: Input, terminal: Terminal): Promise<CarLayout> => {
  const layout = await layoutOf(source, input, terminal)
  await refuseReferences(source, layout, 'the file', { signal: terminal.signal })
  return layout
}

/** The layout of a CAR whose index is not needed; when there can be none where its header says, that is said. */
export const layoutOf = async (source: ByteSource, { label }: Input, terminal: Terminal): Promise<CarLayout> => {
  const layout = await readLayout(source, { badIndex: 'report', signal: terminal.signal })
  if (layout.indexFault !== undefined) terminal.stderr(`${label}: attached index is not used: ${layout.indexFault.message}\n`)
  return layout
}

/** {@link refuseForeignData} of a file. Whatever else is the matter with it is told when it is opened. @throws {CarV2Error} `CARV2_REFERENCES` */
export const mustHoldData = async (path: string, terminal: Terminal): Promise<void> => {
  const source = await openFileSource(path).catch(() => undefined)
  try {
    if (source !== undefined) await refuseForeignData(source, terminal)
  } catch (error) {
    if (codeOf(error) === 'CARV2_REFERENCES') throw error
  } finally {
    await source?.close()
  }
}
