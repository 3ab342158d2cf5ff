/** Blocks out of a file under construction: from memory while they wait to be written, else from the file. */
import { type Hashes, IDENTITY } from '@dagstore/hashes'
import type { WritableFile } from '@dagstore/io'
import { type AnyCid, type Awaitable, type BlockCallOptions, BlockNotFoundError, BlockstoreError, type Gate, type ShardBlockstore, type StoreCallOptions, toCid, verifyBlock } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import { CID } from 'multiformats/cid'
import { type SectionHead, SectionHeads } from './section-heads.ts'
import { findSection } from './section-lookup.ts'
import { NONE, type SectionTable } from './section-table.ts'
import type { Tail } from './tail.ts'

export interface ReadParts {
  readonly file: WritableFile
  readonly table: SectionTable
  readonly tail: Tail
  readonly hashes: Hashes
  readonly verifyReads: boolean
  /** Reads heads one by one. */
  readonly heads: SectionHeads
  /** Identity CIDs that are not stored are answered from themselves. */
  readonly inline: boolean
}

export const createReads = ({ file, table, tail, hashes, verifyReads, heads, inline }: ReadParts, gate: Gate): ShardBlockstore => {
  const start = (signal: AbortSignal | undefined): void => {
    signal?.throwIfAborted()
    gate.check()
  }
  /** One section's data, hashed; a copy. */
  const read = async (cid: CID, { at, headBytes, dataBytes }: SectionHead, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    let data = tail.peek(at + headBytes, dataBytes)
    if (data === undefined) {
      try {
        data = await file.read(at + headBytes, dataBytes)
      } catch (cause) {
        throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `file can not be read; cid=${cid.toString()}`, { cause, cid })
      }
      signal?.throwIfAborted()
    }
    if (verifyReads) verifyBlock(hashes, cid, data)
    return data
  }

  /** `undefined`: there is none. A promise only if bytes have to be read. */
  const find = (cid: CID): Awaitable<SectionHead | undefined> => {
    const number = findSection(table, heads, cid.bytes)
    if (typeof number !== 'number') return number.then((found) => found === NONE ? undefined : heads.get(found))
    return number === NONE ? undefined : heads.get(number)
  }
  const holdsItself = (cid: CID): boolean => inline && cid.multihash.code === IDENTITY

  const bytes = (cid: AnyCid, { signal }: BlockCallOptions = {}): Promise<Uint8Array> => gate.pass(async () => {
    signal?.throwIfAborted()
    const own = toCid(cid)
    const section = await find(own)
    signal?.throwIfAborted()
    if (section !== undefined) return read(own, section, signal)
    if (holdsItself(own)) return own.multihash.digest.slice()
    throw new BlockNotFoundError(own)
  })

  async function * get (cid: AnyCid, options: StoreCallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    yield await bytes(cid, options)
  }

  return {
    has: (cid, { signal } = {}) => gate.pass(async () => {
      signal?.throwIfAborted()
      const own = toCid(cid)
      return holdsItself(own) || (await findSection(table, heads, own.bytes)) !== NONE
    }),
    size: (cid, { signal } = {}) => gate.pass(async () => {
      signal?.throwIfAborted()
      const own = toCid(cid)
      const section = await find(own)
      if (section !== undefined) return section.dataBytes
      if (holdsItself(own)) return own.multihash.digest.byteLength
      throw new BlockNotFoundError(own)
    }),
    bytes,
    bytesAt: async (cid, from, length, options) => {
      const whole = await bytes(cid, options)
      if (Number.isSafeInteger(from) && Number.isSafeInteger(length) && from >= 0 && length >= 0 && from + length <= whole.byteLength) return whole.slice(from, from + length)
      throw new RangeError(`outside of the block; from=${from} length=${length} size=${whole.byteLength}`)
    },
    get,
    getMany: async function * (cids, options = {}): ReturnType<Blockstore['getMany']> {
      start(options.signal)
      for await (const cid of cids) {
        start(options.signal)
        const own = toCid(cid)
        yield { cid: own, bytes: get(own, options) }
      }
    },
    getAll: async function * (options = {}): ReturnType<Blockstore['getAll']> {
      start(options.signal)
      const ahead = new SectionHeads({ file, table, tail }, 'many')
      for (let number = 0; number < table.count; number++) {
        if (table.isRepeat(number)) continue
        start(options.signal)
        const cid = CID.decode((await ahead.get(number)).cid.slice())
        yield { cid, bytes: get(cid, options) }
      }
    },
  }
}
