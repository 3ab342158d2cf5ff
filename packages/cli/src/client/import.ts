/** `client import`: a file, a directory, a CAR or what is piped in becomes a DAG that deals can be made of. */
import type { ClientImportHow, ClientImportProgress, Import } from '@dagstore/lotus-api'
import { type Command, Option } from 'commander'
import { rpcJson } from '../backend/rpc-json.ts'
import { aboutFile } from '../commands/files.ts'
import { codeOf, CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { type ProgressLine, startProgress } from '../progress.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { mustBeThere, namedPath } from './paths.ts'
import { withAnyClient } from './with-client.ts'

interface ImportOptions extends CommonOptions {
  readonly car?: boolean
  readonly quiet?: boolean
  readonly copy?: boolean
  readonly profile?: ClientImportHow['Profile']
  readonly links?: ClientImportHow['Links']
  readonly into?: ClientImportHow['Into']
}

export const addImportCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('import')))
    .description('import a file or a directory, whose data stay where they are; or a CAR, which is used in place; makes the store where there is none')
    .argument('<path>', 'file, directory or CAR; - is what is piped in, of which a copy is kept')
    .option('--car', 'the file is a CAR, version 1 or 2, with one root')
    .option('-q, --quiet', 'print the root and nothing else')
    .option('--copy', 'keep a copy of the data, so that the file may go')
    .addOption(new Option('--profile <name>', 'how data become blocks: the same name gives the same root everywhere').choices(['lotus-2021', 'unixfs-v1-2025', 'unixfs-v0-2015']).default('lotus-2021'))
    .addOption(new Option('--links <how>', 'what becomes of symbolic links in a directory').choices(['refuse', 'skip', 'keep']).default('refuse'))
    .addOption(new Option('--into <place>', 'where the blocks go: an import, or the IPFS node, where they need neither an import nor the file').choices(['file', 'ipfs', 'ipfs-pinned']).default('file'))
    .action((path: string, options: ImportOptions) => importPath(path, options, terminal))
}

const importPath = async (argument: string, options: ImportOptions, terminal: Terminal): Promise<void> => {
  const source = namedPath(argument, terminal)
  if (options.car === true && options.copy === true) throw new CommandError('COMMAND_USAGE', 'a CAR is used in place: --car or --copy')
  if (options.into !== 'file' && (options.copy === true || argument === '-')) throw new CommandError('COMMAND_USAGE', '--into goes with a path, and without --copy')
  const made = await whole(terminal, () => argument === '-'
    ? importPiped(options, terminal)
    : withAnyClient(options, terminal, async (client) => {
      await mustBeThere(source, client)
      const how: ClientImportHow = { ...(options.copy === true ? { Form: 'dense' } : {}), ...(options.into === 'file' ? {} : { Into: options.into }), ...(options.car === true ? {} : { Profile: options.profile, Links: options.links }) }
      const progress = startProgress(terminal, 'import')
      try {
        return await aboutFile(source.label, () => importEvents(client.calls.ClientImportWithEvents({ Path: source.path, IsCAR: options.car === true }, how, { signal: terminal.signal }), progress), source.path)
      } catch (error) {
        throw withHint(error)
      } finally {
        progress.end()
      }
    }))
  await tellImport(made, options, terminal)
}

/** An import that was interrupted has left nothing to go on with. */
const whole = async <T>({ signal }: Terminal, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw signal.aborted ? new CommandError('COMMAND_INTERRUPTED', 'interrupted; the import was given up', { cause: error }) : error
  }
}

/** What the user may do about it. */
const withHint = (error: unknown): unknown => {
  const hint = error instanceof CommandError ? HINTS[codeOf(error.cause) ?? ''] : undefined
  return hint === undefined ? error : new CommandError('COMMAND_REFUSED', `${(error as CommandError).message}; ${hint}`, { cause: (error as CommandError).cause })
}

const HINTS: Readonly<Record<string, string>> = {
  UNIXFS_LINK: '--links skip leaves links out, --links keep keeps them',
  CARV2_REFERENCES: 'or --car imports the data that it leads to',
}

/** Of the last one. @throws what the stream throws */
export const importEvents = async (events: AsyncIterable<ClientImportProgress>, progress: Pick<ProgressLine, 'update'>): Promise<Import> => {
  for await (const { DoneBytes, TotalBytes, Import: done } of events) {
    if (done !== null) return done
    progress.update(DoneBytes, TotalBytes ?? undefined)
  }
  throw new CommandError('COMMAND_REFUSED', 'the import ended without a result')
}

/** The pipe is read as fast as it is imported. */
const importPiped = async (options: ImportOptions, terminal: Terminal): Promise<Pick<Import, 'Key' | 'Root'>> => {
  const { stdin, signal } = terminal
  if (options.car === true) throw new CommandError('COMMAND_USAGE', 'a CAR is used in place, so it has to be a file')
  if (options.links !== 'refuse' || options.profile !== 'lotus-2021') throw new CommandError('COMMAND_USAGE', '--profile and --links go with a path')
  if (stdin === undefined) throw new CommandError('COMMAND_USAGE', 'name a file, or pipe one in')
  return withAnyClient(options, terminal, async ({ calls }) => {
    const progress = startProgress(terminal, 'import')
    let done = 0
    const watched = async function * (): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of stdin()) {
        yield chunk
        progress.update(done += chunk.byteLength, undefined)
      }
    }
    try {
      const { Root, ImportID } = await aboutFile('stdin', () => calls.importStream(watched(), { signal }))
      return { Key: ImportID, Root }
    } finally {
      progress.end()
    }
  })
}

/** Source: lotus cli/client.go `clientImportCmd`. */
const tellImport = async ({ Key, Root }: Pick<Import, 'Key' | 'Root'>, { json, quiet }: ImportOptions, terminal: Terminal): Promise<void> => {
  if (Root === null) throw new CommandError('COMMAND_REFUSED', 'the import has no root')
  if (json === true) terminal.stdout(await rpcJson('ClientImport', { Root, ImportID: Key }))
  else terminal.stdout(quiet === true ? `${Root.toString()}\n` : `${Key === 0n ? 'In the IPFS node' : `Import ${Key}`}, Root ${Root.toString()}\n`)
}
