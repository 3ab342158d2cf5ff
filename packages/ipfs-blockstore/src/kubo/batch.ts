/** Blocks on their way into a node: many of them go as one CAR. */
import { encodeCarV1Header, encodeVarint } from '@dagstore/carv2'
import { type CallOptions, createKeyLock } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { IpfsError } from '../errors.ts'
import type { KuboApi } from './api.ts'
import { hashName } from './hash-names.ts'

export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

export interface Batch {
  /** Takes a copy. Waits for the blocks before when there is no room; if they cannot be sent this one is not taken. */
  add(block: Block, options?: CallOptions): Promise<void>
  /** By multihash, as Kubo finds blocks. */
  find(cid: CID): Block | undefined
  /** All that are not yet written. */
  list(): readonly Block[]
  /** @throws {IpfsError} `IPFS_REFUSED`: the node does not take a block, which is dropped; else all that are not written stay */
  flush(options?: CallOptions): Promise<void>
}

/** The key of a block in Kubo's blockstore. */
const keyOf = ({ multihash }: CID): string => String.fromCharCode(...multihash.bytes)

export const createBatch = (api: KuboApi, batchBytes: number): Batch => {
  const lock = createKeyLock()
  let gathered = new Map<string, Block>()
  let gatheredBytes = 0
  let sending: Map<string, Block> | undefined
  /** What `add` was told of a block that may be another caller's: the next flush tells it too. */
  let refusal: IpfsError | undefined

  const gather = (key: string, block: Block): void => {
    if (gathered.has(key)) return
    gathered.set(key, block)
    gatheredBytes += block.bytes.byteLength
  }
  const sendAll = async ({ signal }: CallOptions): Promise<void> => {
    if (gathered.size === 0) return
    const blocks = sending = gathered
    gathered = new Map()
    gatheredBytes = 0
    try {
      const refused = await send(api, [...blocks.values()], signal)
      blocks.clear()
      if (refused !== undefined) throw refusal = refused
    } catch (error) {
      for (const [key, block] of blocks) gather(key, block)
      throw error
    } finally {
      sending = undefined
    }
  }
  const find = (cid: CID): Block | undefined => {
    const key = keyOf(cid)
    return gathered.get(key) ?? sending?.get(key)
  }
  return {
    find,
    list: () => [...sending?.values() ?? [], ...gathered.values()],
    add: async ({ cid, bytes }, options = {}) => {
      options.signal?.throwIfAborted()
      while (gathered.size > 0 && gatheredBytes + bytes.byteLength > batchBytes) await lock('', () => sendAll(options), options.signal)
      gather(keyOf(cid), { cid, bytes: bytes.slice() })
    },
    flush: async (options = {}) => {
      options.signal?.throwIfAborted()
      await lock('', async () => {
        try {
          await sendAll(options)
          if (refusal !== undefined) throw refusal
        } finally {
          refusal = undefined
        }
      }, options.signal)
    },
  }
}

/** Gives the refusal of a block that the node will not have; the others are written. */
const send = async (api: KuboApi, blocks: readonly Block[], signal: AbortSignal | undefined): Promise<IpfsError | undefined> => {
  try {
    await sendCar(api, blocks, signal)
    return undefined
  } catch (error) {
    // what Kubo cannot decode it does not import; one by one it takes any block whose hash it knows
    if (!(error instanceof IpfsError) || error.said === undefined) throw error
  }
  let refused: IpfsError | undefined
  for (const block of blocks) {
    try {
      await sendBlock(api, block, signal)
    } catch (error) {
      if (!(error instanceof IpfsError) || error.code !== 'IPFS_REFUSED') throw error
      refused ??= error
    }
  }
  return refused
}

const sendCar = async (api: KuboApi, blocks: readonly Block[], signal: AbortSignal | undefined): Promise<void> => {
  const [first] = blocks
  if (first === undefined) return
  // readers of CARs want a root
  const parts = [encodeCarV1Header([first.cid]), ...blocks.flatMap(({ cid, bytes }) => [encodeVarint(cid.bytes.byteLength + bytes.byteLength), cid.bytes, bytes])]
  const values = await api.all({
    command: 'dag/import',
    query: { 'pin-roots': false, stats: true, 'allow-big-block': true },
    body: formOf(parts),
    signal,
  })
  // a failure behind the first byte of an answer stands in a trailer, which fetch does not show: only the count tells
  if (values.some(({ Stats }) => isCount(Stats, blocks.length))) return
  throw new IpfsError('IPFS_BAD_ANSWER', `node does not say that it has taken all blocks; host=${api.host} blocks=${blocks.length}`)
}

const isCount = (stats: unknown, blocks: number): boolean =>
  typeof stats === 'object' && stats !== null && 'BlockCount' in stats && stats.BlockCount === blocks

/** Kubo finds blocks by multihash, so their codec need not be known to it. */
const sendBlock = async (api: KuboApi, { cid, bytes }: Block, signal: AbortSignal | undefined): Promise<void> => {
  const { code, digest } = cid.multihash
  const mhtype = hashName(code)
  if (mhtype === undefined) throw new IpfsError('IPFS_REFUSED', `hash function is not known; hash=0x${code.toString(16)} cid=${cid.toString()}`)
  const [value] = await api.all({
    command: 'block/put',
    query: { 'cid-codec': 'raw', mhtype, mhlen: digest.byteLength, 'allow-big-block': true },
    body: formOf([bytes]),
    signal,
  })
  if (isKey(value?.['Key'], cid)) return
  throw new IpfsError('IPFS_BAD_ANSWER', `node has not stored the block under its hash; cid=${cid.toString()}`)
}

const isKey = (key: unknown, cid: CID): boolean => {
  try {
    return typeof key === 'string' && keyOf(CID.parse(key)) === keyOf(cid)
  } catch {
    return false
  }
}

const formOf = (parts: readonly Uint8Array[]): FormData => {
  const form = new FormData()
  form.append('file', new Blob(parts as Uint8Array<ArrayBuffer>[], { type: 'application/octet-stream' }), 'blocks')
  return form
}
