/** The plainest store that does all that is asked: what the suite is tried on, and what broken ones are made from. */
import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { type AnyCid, BlockNotFoundError, BlockstoreError, type ShardBlockstore, type StoreCallOptions, toCid } from '../src/index.ts'
import type { SuiteBlock } from '../src/suite.ts'

export type ReferenceStore = ShardBlockstore & AsyncDisposable
/** Reads the data of one block; fails as disks do. */
export type ReadData = (block: SuiteBlock) => Promise<Uint8Array>

const ALGORITHMS = new Map([[0x12, 'sha256'], [0x13, 'sha512']])
const keyOf = (cid: CID): string => Buffer.from(cid.multihash.bytes).toString('hex')
const fits = ({ multihash: { code, digest } }: CID, bytes: Uint8Array): boolean => {
  const algorithm = ALGORITHMS.get(code)
  if (code !== 0 && algorithm === undefined) return false
  return Buffer.from(algorithm === undefined ? bytes : createHash(algorithm).update(bytes).digest()).equals(digest)
}

export const openReferenceStore = (blocks: readonly SuiteBlock[], readData: ReadData = async ({ bytes }) => Uint8Array.from(bytes)): ReferenceStore => {
  const byKey = new Map<string, SuiteBlock>()
  for (const block of blocks) if (!byKey.has(keyOf(block.cid))) byKey.set(keyOf(block.cid), block)
  let closed = false

  const check = (options: StoreCallOptions | undefined): void => {
    options?.signal?.throwIfAborted()
    if (closed) throw new BlockstoreError('BLOCKSTORE_CLOSED', 'store is closed')
  }
  const find = (cid: AnyCid): SuiteBlock => {
    const own = toCid(cid)
    const found = byKey.get(keyOf(own))
    if (found === undefined) throw new BlockNotFoundError(own)
    return found
  }
  const bytesOf = async (block: SuiteBlock, options: StoreCallOptions | undefined): Promise<Uint8Array> => {
    let bytes: Uint8Array
    try {
      bytes = await readData(block)
    } catch (cause) {
      throw new BlockstoreError('BLOCKSTORE_UNREADABLE', 'block cannot be read', { cause, cid: block.cid })
    }
    check(options)
    if (!fits(block.cid, bytes)) throw new BlockstoreError('BLOCKSTORE_HASH_MISMATCH', 'block does not hash to its CID', { cid: block.cid })
    return bytes
  }
  async function * chunksOf (cid: AnyCid, options: StoreCallOptions | undefined): AsyncGenerator<Uint8Array> {
    check(options)
    yield await bytesOf(find(cid), options)
  }
  const bytes = async (cid: AnyCid, options?: StoreCallOptions): Promise<Uint8Array> => {
    check(options)
    return bytesOf(find(cid), options)
  }
  const close = async (): Promise<void> => { closed = true }

  return {
    has: (cid, options) => {
      check(options)
      return byKey.has(keyOf(toCid(cid)))
    },
    get: (cid, options) => chunksOf(cid, options),
    getMany: async function * (cids, options) {
      check(options)
      for await (const cid of cids) {
        yield { cid: toCid(cid), bytes: chunksOf(cid, options) }
        check(options)
      }
    },
    getAll: async function * (options) {
      check(options)
      for (const { cid } of byKey.values()) {
        yield { cid, bytes: chunksOf(cid, options) }
        check(options)
      }
    },
    bytes: (cid, options) => bytes(cid, options as StoreCallOptions),
    size: (cid, options) => {
      check(options as StoreCallOptions)
      return find(cid).bytes.byteLength
    },
    bytesAt: async (cid, from, length, options) => {
      const whole = await bytes(cid, options as StoreCallOptions)
      if (!Number.isSafeInteger(from) || !Number.isSafeInteger(length) || from < 0 || length < 0 || from + length > whole.byteLength) {
        throw new RangeError(`range outside the block; from=${from} length=${length} size=${whole.byteLength}`)
      }
      return whole.slice(from, from + length)
    },
    [Symbol.asyncDispose]: close,
  }
}

export const failToRead: ReadData = async () => { throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }) }

export const flipBit: ReadData = async ({ bytes }) => {
  const copy = Uint8Array.from(bytes)
  copy[copy.byteLength >> 1]! ^= 4
  return copy
}
