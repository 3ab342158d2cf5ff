/** What lies in a DAG: itself, then its entries if it is a directory. */
import type { CallOptions } from '@dagstore/io'
import { readBlock, type ReadBlockstore } from '@dagstore/read-blockstore'
import type { DagListing } from '@dagstore/rpc/handlers'
import type { CID } from 'multiformats/cid'
import { type BlockBytes, children, DAG_PB, decodeNode, isDirectory, RAW } from '../car/unixfs.ts'

/** Each entry is looked at for what it is and how long. @throws the errors of the store */
export async function * listDag (store: ReadBlockstore, cid: CID, { signal }: CallOptions): AsyncGenerator<DagListing, void, undefined> {
  const bytes: BlockBytes = { bytes: (one) => readBlock(store, one, { signal }) }
  const { node, ...own } = await look(bytes, cid, '')
  yield own
  if (node === undefined || !isDirectory(node)) return
  for await (const child of children(bytes, node, signal ?? NEVER)) {
    const { node: _, ...listed } = await look(bytes, child.cid, child.name)
    yield listed
  }
}

const NEVER = new AbortController().signal

const look = async (store: BlockBytes, cid: CID, name: string): Promise<DagListing & { readonly node: ReturnType<typeof decodeNode> | undefined }> => {
  const block = await store.bytes(cid)
  const entry = (type: DagListing['type'], sizeBytes: number | undefined): DagListing & { readonly node: undefined } => ({ name, cid, type, sizeBytes, node: undefined })
  if (cid.code === RAW) return entry('file', block.byteLength)
  if (cid.code !== DAG_PB) return entry('other', undefined)
  let node: ReturnType<typeof decodeNode>
  try {
    node = decodeNode(cid, block)
  } catch {
    return entry('other', undefined) // dag-pb, and no UnixFS
  }
  if (isDirectory(node)) return { ...entry('directory', undefined), node }
  const { unixfs } = node
  if (unixfs.type === 'symlink') return { ...entry('link', undefined), target: new TextDecoder().decode(unixfs.data ?? new Uint8Array(0)) }
  const size = unixfs.fileSize()
  return entry(unixfs.type === 'file' || unixfs.type === 'raw' ? 'file' : 'other', size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : undefined)
}
