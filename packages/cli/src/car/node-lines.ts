/** What `car list -v` says of a dag-pb block. */
import { decode, type PBNode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { printable } from '../text.ts'

const TYPE_NAMES: Readonly<Record<string, string>> = { 'raw': 'Raw', 'directory': 'Directory', 'file': 'File', 'metadata': 'Metadata', 'symlink': 'Symlink', 'hamt-sharded-directory': 'HAMTShard' }
const SHOWN_LINKS = 3

/** What go-car's `list -v` says of a dag-pb block. */
export const nodeLines = (data: Uint8Array): string => {
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
