/**
 * A client as strict as Lassie: it walks by itself, from the CID that it asks for, and takes from the stream the block that must
 * come next, or none at all. The walk is this file's own.
 *
 * Source: Lassie docs/HTTP_SPEC.md and pkg/retriever/httpretriever.go; IPIP-402, IPIP-412.
 */
import * as dagCbor from '@ipld/dag-cbor'
import * as dagPb from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { murmur3 } from '@dagstore-tooling/fixtures/gateway'
import { Distrust, readCarStream, verifyBytes } from './car-stream.ts'

export interface Wanted {
  readonly root: CID
  /** Names, decoded. @default the root itself */
  readonly path?: readonly string[]
  /** @default 'all' */
  readonly scope?: 'block' | 'entity' | 'all'
  /** Both ends included, from the beginning. */
  readonly bytes?: { readonly from: number, readonly to: number }
  readonly dups: 'y' | 'n'
}

export interface Verified {
  /** In order, repeated ones again with `dups: 'y'`. */
  readonly cids: readonly string[]
  /** Of the file at the end of the path, as far as it was asked for. */
  readonly content: Uint8Array
}

interface Part { readonly cid: CID, readonly from: number, readonly to: number }

const IDENTITY = 0
const RAW = 0x55

/** @throws {Distrust} anything but what must come, in this order, and then a proper end */
export const verifyCar = async (body: AsyncIterable<Uint8Array>, { root, path = [], scope = 'all', bytes, dups }: Wanted): Promise<Verified> => {
  const stream = readCarStream(uncleanAsDistrust(body))
  const cids: string[] = []
  const content: Uint8Array[] = []
  /** Blocks that may be linked to again without being sent again. */
  const had = new Map<string, Uint8Array>()

  const take = async (cid: CID): Promise<Uint8Array> => {
    if (cid.multihash.code === IDENTITY) return cid.multihash.digest
    const known = dups === 'n' ? had.get(cid.toString()) : undefined
    if (known !== undefined) return known
    const { done, value } = await stream.next()
    if (done === true) throw new Distrust('MISSING_BLOCK', cid.toString())
    if ('roots' in value || !value.cid.equals(cid)) throw new Distrust('UNEXPECTED_BLOCK', `want=${cid.toString()}`)
    verifyBytes(cid, value.bytes)
    cids.push(cid.toString())
    if (dups === 'n') had.set(cid.toString(), value.bytes)
    return value.bytes
  }

  const walk = async (cid: CID): Promise<void> => {
    const block = await take(cid)
    if (dups === 'n' && walked.has(cid.toString())) return
    walked.add(cid.toString())
    for (const link of linksOf(cid, block)) await walk(link)
  }
  const walked = new Set<string>()

  const file = async (cid: CID, block: Uint8Array, at: number, range: { readonly from: number, readonly to: number }): Promise<void> => {
    const { inline, parts } = fileParts(cid, block)
    content.push(inline.subarray(Math.max(0, range.from - at), Math.max(0, range.to + 1 - at)))
    for (const part of parts) {
      const [from, to] = [at + part.from, at + part.to]
      if (to > range.from && from <= range.to) await file(part.cid, await take(part.cid), from, range)
    }
  }

  const shards = async (block: Uint8Array): Promise<void> => {
    for (const { Hash, Name = '' } of dagPb.decode(block).Links) if (Name.length === 2) await shards(await take(Hash))
  }

  const header = await stream.next()
  if (header.done === true || !('roots' in header.value)) throw new Distrust('TRUNCATED', 'no header')
  let [at, block] = [root, await take(root)]
  /** Where the path has come to in a document. */
  let inside: unknown
  for (const name of path) {
    const found = at.code === dagPb.code ? await entryOf(block, name, take) : dataAt(inside ?? dagCbor.decode(block), name)
    if (found === undefined) throw new Distrust('BAD_ANSWER', `no such path: ${path.join('/')}`)
    const link = CID.asCID(found)
    if (link === null) inside = found
    else [at, block, inside] = [link, await take(link), undefined]
  }

  const isFile = at.code === RAW || kindOf(at, block) === 'file'
  if (scope === 'all' && bytes === undefined) {
    walked.add(at.toString())
    for (const link of linksOf(at, block)) await walk(link)
  } else if (bytes !== undefined || scope === 'entity') {
    if (isFile) await file(at, block, 0, bytes ?? { from: 0, to: Infinity })
    else if (kindOf(at, block) === 'hamt-sharded-directory') await shards(block)
  }
  if ((await stream.next()).done !== true) throw new Distrust('SURPLUS_BLOCK', 'more than was asked for')
  return { cids, content: Uint8Array.from(Buffer.concat(content)) }
}

const uncleanAsDistrust = async function * (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield * body
  } catch (cause) {
    if (cause instanceof Distrust) throw cause
    throw new Distrust('UNCLEAN_END', String(cause))
  }
}

const kindOf = (cid: CID, block: Uint8Array): string | undefined => {
  if (cid.code !== dagPb.code) return undefined
  const { Data } = dagPb.decode(block)
  return Data === undefined ? undefined : UnixFS.unmarshal(Data).type
}

const linksOf = (cid: CID, block: Uint8Array): CID[] => {
  if (cid.code === dagPb.code) return dagPb.decode(block).Links.map(({ Hash }) => Hash)
  return cid.code === dagCbor.code ? linksIn(dagCbor.decode(block)) : []
}

const linksIn = (value: unknown): CID[] => {
  const link = CID.asCID(value)
  if (link !== null) return [link]
  return value !== null && typeof value === 'object' && !(value instanceof Uint8Array) ? Object.values(value).flatMap(linksIn) : []
}

const dataAt = (value: unknown, name: string): unknown => value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined

const entryOf = async (block: Uint8Array, name: string, take: (cid: CID) => Promise<Uint8Array>): Promise<CID | undefined> => {
  const { Data, Links } = dagPb.decode(block)
  if (Data === undefined || UnixFS.unmarshal(Data).type !== 'hamt-sharded-directory') return Links.find((link) => link.Name === name)?.Hash
  const hash = murmur3(new TextEncoder().encode(name))
  let links = Links
  for (const byte of hash) {
    const slot = byte.toString(16).toUpperCase().padStart(2, '0')
    const found = links.find(({ Name = '' }) => Name === slot || Name === slot + name)
    if (found === undefined || found.Name !== slot) return found?.Hash
    links = dagPb.decode(await take(found.Hash)).Links
  }
  return undefined
}

const fileParts = (cid: CID, block: Uint8Array): { readonly inline: Uint8Array, readonly parts: readonly Part[] } => {
  if (cid.code === RAW) return { inline: block, parts: [] }
  const { Data, Links } = dagPb.decode(block)
  const { data, blockSizes } = UnixFS.unmarshal(Data!)
  let at = data?.byteLength ?? 0
  const parts = Links.map(({ Hash }, i) => {
    const part = { cid: Hash, from: at, to: at + Number(blockSizes[i]) }
    at = part.to
    return part
  })
  return { inline: data ?? new Uint8Array(0), parts }
}
