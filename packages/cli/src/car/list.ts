/** `car list`: the sections of a CAR, or the files and directories in it. */
import type { Command } from 'commander'
import { parseCid, readLayout, scanSectionsSync, type Section } from '@dagstore/carv2'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import { decode, type PBNode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import { openAllHashes } from '../hashes.ts'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printable, toJson } from '../text.ts'
import { inTurns } from '../turns.ts'
import { CidLines, cidText } from './cid-lines.ts'
import { nameOf } from './code-names.ts'
import { withInput, withSource } from './input.ts'
import { addOutputOptions, type OutputOptions, resolveOutput, withoutMixture, writeOutput } from './output.ts'
import { type BlockBytes, children, DAG_PB, isDirectory, RAW, readNode } from './unixfs.ts'

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
        await withInput(file, terminal, async ({ path, label }) => {
          const mount = await openCarFile(path, { label, hashes: await openAllHashes(), signal: terminal.signal, onNotice: (notice) => { terminal.stderr(`${label}: ${notice}\n`) } })
          try {
            await writeOutput(output, joined(unixfsLines(mount.blockstore, mount.roots, options, terminal.signal)), terminal)
          } finally {
            await mount.close()
          }
        })
        return
      }
      await withSource(file, 'list', withoutMixture(terminal, output), async (source, onProgress) => {
        const layout = await readLayout(source, { signal: terminal.signal })
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
  let count = 0
  try {
    for (const section of sections) {
      if (options.json === true) lines.text(jsonLine(section, payloadStart))
      else if (options.verbose === true) lines.text(verboseLines(section))
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

const verboseLines = ({ cid, data }: Section): string => {
  const { codec } = parseCid(cid)
  return `${nameOf(codec)}: ${cidText(cid)}\n${codec === DAG_PB && data !== undefined ? nodeLines(data) : ''}`
}

const TYPE_NAMES: Readonly<Record<string, string>> = { 'raw': 'Raw', 'directory': 'Directory', 'file': 'File', 'metadata': 'Metadata', 'symlink': 'Symlink', 'hamt-sharded-directory': 'HAMTShard' }
const SHOWN_LINKS = 3

/** What go-car's `list -v` says of a dag-pb block. */
const nodeLines = (data: Uint8Array): string => {
  let node: PBNode
  try {
    node = decode(data)
  } catch (error) {
    return `\tnot interpretable as dag-pb: ${reason(error)}\n`
  }
  let lines = `\t${node.Links.length} links. ${node.Data?.byteLength ?? 0} bytes\n`
  for (const { Name: name = '<no name>', Tsize: size = 0, Hash: cid } of node.Links.slice(0, SHOWN_LINKS)) {
    lines += `\t\t${printable(name)}[${decimalBytes(size)}] ${cid.toString()}\n`
  }
  if (node.Links.length > SHOWN_LINKS) lines += `\t\t(${node.Links.length} total)\n`
  if (node.Data === undefined) return `${lines}\tnot interpretable as unixfs: no data\n`
  try {
    return `${lines}\tUnixfs ${TYPE_NAMES[UnixFS.unmarshal(node.Data).type] ?? ''}\n`
  } catch (error) {
    return `${lines}\tnot interpretable as unixfs: ${reason(error)}\n`
  }
}

const reason = (error: unknown): string => printable(error instanceof Error ? error.message : String(error))

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** `907 B`, `1.3 kB`, `52 kB`: in thousands, as go-humanize has them. */
export const decimalBytes = (bytes: number): string => {
  if (bytes < 10) return `${bytes} B`
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = Math.floor(bytes / 1000 ** power * 10 + 0.5) / 10
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${UNITS[power] ?? ''}`
}

const unixfsLines = async function * (store: BlockBytes, roots: readonly CID[], options: ListOptions, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  for (const root of roots) {
    for await (const { path, cid } of below(store, root, '', signal)) {
      yield options.json === true ? `${toJson({ path, cid: cid.toString() })}\n` : `${printable(path)}\n`
    }
  }
}

const below = async function * (store: BlockBytes, cid: CID, prefix: string, signal: AbortSignal): AsyncGenerator<{ readonly path: string, readonly cid: CID }, void, undefined> {
  if (cid.code === RAW) return
  const node = await readNode(store, cid, signal)
  if (!isDirectory(node)) return
  for await (const child of children(store, node, signal)) {
    const path = prefix === '' ? child.name : `${prefix}/${child.name}`
    yield { path, cid: child.cid }
    yield * below(store, child.cid, path, signal)
  }
}

/** Lines in chunks that are worth a write; what there is before a failure is given out too. */
const joined = async function * (lines: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  const chunk = new CidLines()
  try {
    for await (const line of lines) {
      chunk.text(line)
      if (chunk.isFull) yield chunk.take()
    }
  } catch (error) {
    yield chunk.take()
    throw error
  }
  yield chunk.take()
}
