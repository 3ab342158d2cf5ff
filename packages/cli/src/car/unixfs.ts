/** UnixFS as go-car's command walks it: directories in the order of their links, shards included. */
import { decode, type PBLink } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'

export const RAW = 0x55
export const DAG_PB = 0x70
/** Of a sharded directory; digests of the names are used up long before. */
const MAX_SHARD_DEPTH = 128

export interface BlockBytes { bytes(cid: CID, options?: { readonly signal?: AbortSignal | undefined }): Promise<Uint8Array> }

export interface UnixfsNode {
  readonly cid: CID
  readonly unixfs: UnixFS
  readonly links: readonly PBLink[]
}

export interface UnixfsChild {
  readonly name: string
  readonly cid: CID
}

/** @throws {CommandError} `COMMAND_REFUSED`: no UnixFS node; the store's errors pass through */
export const readNode = async (store: BlockBytes, cid: CID, signal: AbortSignal): Promise<UnixfsNode> => {
  const bytes = await store.bytes(cid, { signal })
  try {
    return decodeNode(cid, bytes)
  } catch (cause) {
    throw new CommandError('COMMAND_REFUSED', `not UnixFS: ${cid.toString()}${cause instanceof Error ? ` (${cause.message})` : ''}`, { cause })
  }
}

/** @throws whatever the codecs throw */
export const decodeNode = (cid: CID, bytes: Uint8Array): UnixfsNode => {
  if (cid.code !== DAG_PB) throw new Error(`codec 0x${cid.code.toString(16)}`)
  const { Data: data, Links: links } = decode(bytes)
  if (data === undefined) throw new Error('node without data')
  return { cid, unixfs: UnixFS.unmarshal(data), links }
}

export const isDirectory = ({ unixfs }: UnixfsNode): boolean => unixfs.type === 'directory' || unixfs.type === 'hamt-sharded-directory'

export const isMissing = (error: unknown): boolean => error instanceof Error && error.name === 'NotFoundError'

/**
 * The entries of a directory, in the order of its links, those of a sharded one depth first.
 *
 * @param onMissingShard - told of a part of the directory that is not there; without it the store's error is thrown
 */
export const children = async function * (store: BlockBytes, node: UnixfsNode, signal: AbortSignal, onMissingShard?: () => void, depth: number = 0): AsyncGenerator<UnixfsChild, void, undefined> {
  if (node.unixfs.type === 'directory') {
    for (const { Name: name, Hash: cid } of node.links) yield { name: name ?? '', cid }
    return
  }
  if (depth > MAX_SHARD_DEPTH) throw new CommandError('COMMAND_REFUSED', `sharded directory is too deep: ${node.cid.toString()}`)
  const prefix = ((node.unixfs.fanout ?? 256n) - 1n).toString(16).length
  for (const { Name: name = '', Hash: cid } of node.links) {
    if (name.length > prefix) {
      yield { name: name.slice(prefix), cid }
      continue
    }
    let shard: UnixfsNode
    try {
      shard = await readNode(store, cid, signal)
    } catch (error) {
      if (onMissingShard === undefined || !isMissing(error)) throw error
      onMissingShard()
      continue
    }
    yield * children(store, shard, signal, onMissingShard, depth + 1)
  }
}

/** `a/b/c`, perhaps with one slash before and behind. @throws {CommandError} `COMMAND_USAGE` */
export const pathSegments = (path: string): string[] => {
  const segments = path.replace(/^\//, '').replace(/\/$/, '').split('/')
  if (segments.length === 1 && segments[0] === '') return []
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') throw new CommandError('COMMAND_USAGE', `path with an empty part, . or ..: ${path}`)
  }
  return segments
}
