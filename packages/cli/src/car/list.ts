/** `car list`: the sections of a CAR, or the files and directories in it. */
import type { Command } from 'commander'
import { parseCid, scanSectionsSync, type Section } from '@dagstore/carv2'
import { openAllHashes } from '../hashes.ts'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'
import { inTurns } from '../turns.ts'
import { CidLines, cidText } from './cid-lines.ts'
import { nameOf } from './code-names.ts'
import { contentLayoutOf, layoutOf, withSource } from './input.ts'
import { addOutputOptions, type OutputOptions, resolveOutput, withoutMixture, writeOutput } from './output.ts'

/** Of a dag-pb block. */
const DAG_PB = 0x70

interface ListOptions extends OutputOptions {
  readonly verbose?: boolean
  readonly unixfs?: boolean
  readonly trusted?: boolean
}

export const addListCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  addOutputOptions(common(car.command('list').aliases(['l', 'ls'])))
    .description('list the CIDs of all sections in their order, hashing each; with --json one object a line')
    .argument('[file]', 'a CAR; without it, or -, what is piped in')
    .argument('[output]', 'file to make; - is stdout')
    .option('-v, --verbose', 'what is in each block too')
    .option('--unixfs', 'the files and directories below the roots instead')
    .option('--trusted', 'do not hash')
    .action(async (file: string | undefined, argument: string | undefined, options: ListOptions) => {
      const output = resolveOutput(argument, options, terminal)
      if (options.unixfs === true) {
        await (await import('./list-unixfs.ts')).listUnixfs(file, output, options, terminal)
        return
      }
      await withSource(file, 'list', withoutMixture(terminal, output), async (source, onProgress, input) => {
        const layout = await (options.trusted === true ? layoutOf : contentLayoutOf)(source, input, terminal)
        const hashes = options.trusted === true ? undefined : await openAllHashes()
        const sections = scanSectionsSync(source, layout, { data: options.verbose === true, hashes, onProgress, signal: terminal.signal })
        await writeOutput(output, listed(sections, layout.payloadStart, options), terminal)
      })
    })
}

/** What there is before a failure is given out too. */
const listed = async function * (sections: Iterable<Section>, payloadStart: number, options: ListOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const turn = inTurns()
  const lines = new CidLines()
  const { nodeLines } = options.verbose === true ? await import('./node-lines.ts') : { nodeLines: () => '' }
  let count = 0
  try {
    for (const section of sections) {
      if (options.json === true) lines.text(jsonLine(section, payloadStart))
      else if (options.verbose === true) lines.text(verboseLines(section, nodeLines))
      else lines.cid(section.cid)
      if (lines.isFull) yield lines.take()
      if ((++count & 0xff) === 0) await turn()
    }
  } catch (error) {
    yield lines.take()
    throw error
  }
  yield lines.take()
}

const jsonLine = ({ cid, sectionOffset, headBytes, dataBytes }: Section, payloadStart: number): string => {
  const { codec, hashCode } = parseCid(cid)
  return `${toJson({ cid: cidText(cid), codec: nameOf(codec), multihash: nameOf(hashCode), sectionOffset, dataOffset: payloadStart + sectionOffset + headBytes, dataBytes })}\n`
}

const verboseLines = ({ cid, data }: Section, nodeLines: (data: Uint8Array) => string): string => {
  const { codec } = parseCid(cid)
  return `${nameOf(codec)}: ${cidText(cid)}\n${codec === DAG_PB && data !== undefined ? nodeLines(data) : ''}`
}
