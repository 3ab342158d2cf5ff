/** UnixFS in a blockstore as a tree of files: what an exporter or a comparison reads. */
import type { CallOptions, TreeDirectory, TreeEntry, TreeFile } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import { exporter, type UnixFSDirectory, type UnixFSEntry, type UnixFSFile } from 'ipfs-unixfs-exporter'
import type { CID } from 'multiformats/cid'
import { RetrievalError } from './errors.ts'

type Store = Pick<ReadBlockstore, 'get'>

/**
 * Data asked for at a time: the exporter reads ahead without limit inside what it was asked for, so this bounds memory.
 */
const SLICE_BYTES = 16 << 20
const READS_AT_ONCE = 8

/**
 * @param name - of the entry; empty for a root
 * @throws {RetrievalError} `RETRIEVAL_NOT_UNIXFS`: neither UnixFS nor raw bytes. The store's errors pass through
 */
export const unixfsTree = async (store: Store, cid: CID, name: string, { signal }: CallOptions = {}): Promise<TreeEntry> => {
  signal?.throwIfAborted()
  const entry = await resolve(store, cid, signal)
  switch (entry.type) {
    case 'raw':
    case 'identity': return file(name, entry.node.byteLength, () => entry.content())
    case 'directory': return directory(store, entry, name)
    case 'file': return entry.unixfs.type === 'symlink' ? { kind: 'link', name, target: targetOf(entry) } : unixfsFile(entry, name)
    default: throw notUnixfs(cid)
  }
}

const resolve = async (store: Store, cid: CID, signal: AbortSignal | undefined): Promise<UnixFSEntry> => {
  try {
    return await exporter(cid, store, signal === undefined ? {} : { signal })
  } catch (error) {
    throw translated(error, cid)
  }
}

/** Errors that the exporter makes itself; the store's are not its. */
const EXPORTER_ERRORS: ReadonlySet<string> = new Set(['NotUnixFSError', 'NoResolverError', 'BadPathError', 'OverReadError', 'UnderReadError', 'InvalidParametersError'])

const translated = (error: unknown, cid: CID): unknown => error instanceof Error && EXPORTER_ERRORS.has(error.name) ? notUnixfs(cid, error) : error

const notUnixfs = (cid: CID, cause?: Error): RetrievalError =>
  new RetrievalError('RETRIEVAL_NOT_UNIXFS', `not a UnixFS file or directory; cid=${cid.toString()}${cause === undefined ? '' : ` reason=${cause.message}`}`, { cause })

const unixfsFile = (entry: UnixFSFile, name: string): TreeFile => {
  const size = entry.unixfs.fileSize()
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw notUnixfs(entry.cid, new RangeError('size above 2^53 - 1'))
  const sizeBytes = Number(size)
  return {
    kind: 'file',
    name,
    sizeBytes,
    read: async function * ({ signal } = {}) {
      try {
        for (let offset = 0; offset < sizeBytes; offset += SLICE_BYTES) {
          const length = Math.min(SLICE_BYTES, sizeBytes - offset)
          for await (const chunk of entry.content({ offset, length, blockReadConcurrency: READS_AT_ONCE, ...(signal === undefined ? {} : { signal }) })) {
            signal?.throwIfAborted()
            if (chunk.byteLength > 0) yield chunk
          }
        }
      } catch (error) {
        throw translated(error, entry.cid)
      }
    },
  }
}

const file = (name: string, sizeBytes: number, content: () => AsyncIterable<Uint8Array>): TreeFile => ({
  kind: 'file',
  name,
  sizeBytes,
  read: async function * ({ signal } = {}) {
    signal?.throwIfAborted()
    for await (const chunk of content()) if (chunk.byteLength > 0) yield chunk
  },
})

/** Names of one directory are in memory at a time, sorted by their UTF-8. */
const directory = (store: Store, entry: UnixFSDirectory, name: string): TreeDirectory => ({
  kind: 'directory',
  name,
  entries: async function * ({ signal } = {}) {
    const children: { readonly name: string, readonly order: Uint8Array, readonly cid: CID }[] = []
    try {
      for await (const child of entry.entries(signal === undefined ? {} : { signal })) {
        children.push({ name: child.name, order: new TextEncoder().encode(child.name), cid: child.cid })
      }
    } catch (error) {
      throw translated(error, entry.cid)
    }
    children.sort((a, b) => compareBytes(a.order, b.order))
    for (const child of children) yield await unixfsTree(store, child.cid, child.name, { signal })
  },
})

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const end = Math.min(a.byteLength, b.byteLength)
  for (let at = 0; at < end; at++) if (a[at] !== b[at]) return (a[at] as number) - (b[at] as number)
  return a.byteLength - b.byteLength
}

const targetOf = ({ unixfs, cid }: UnixFSFile): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(unixfs.data ?? new Uint8Array(0))
  } catch (cause) {
    throw notUnixfs(cid, cause instanceof Error ? cause : undefined)
  }
}
