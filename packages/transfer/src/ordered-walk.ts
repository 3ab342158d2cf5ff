/**
 * The order of a payload's sections, as a walk of the DAG gives it: through what is in the file already, then through what comes. One
 * that has failed is not gone on with.
 */
import { DagError, walkDag } from '@dagstore/dag'
import { type Hashes, IDENTITY } from '@dagstore/hashes'
import type { CallOptions } from '@dagstore/io'
import { type AnyCid, oneChunk, toCid } from '@dagstore/read-blockstore'
import type { WritableCar } from '@dagstore/writable-carv2'
import type { CID } from 'multiformats/cid'
import { TransferError } from './errors.ts'
import { isEqual } from './section-bytes.ts'
import type { CutSection } from './section-cutter.ts'

const RAW = 0x55
/** Of a raw leaf that is in the file: a walk needs nothing of it. */
const LEAF = new Uint8Array(0)

export class OrderedWalk {
  readonly #car: WritableCar
  readonly #hashes: Hashes
  readonly #walk: AsyncGenerator<{ readonly cid: CID, readonly bytes: Uint8Array }, void, undefined>
  /** Sections of the file that the walk has not come to. */
  #replaying: number
  #came: CutSection | undefined
  #call: CallOptions = {}

  constructor (car: WritableCar, root: CID, hashes: Hashes) {
    this.#car = car
    this.#hashes = hashes
    this.#replaying = car.blockCount
    const bytes = (cid: AnyCid): Promise<Uint8Array> => this.#replaying > 0 ? this.#held(toCid(cid)) : this.#arrived(toCid(cid))
    const store = { bytes, get: (cid: AnyCid) => oneChunk(() => bytes(cid)) }
    this.#walk = walkDag(store, root, { identity: 'yield', verify: 'never' })
  }

  /** To where the file ends. @throws {TransferError} `TRANSFER_OTHER`: it does not hold the beginning of this payload */
  async replay ({ signal }: CallOptions): Promise<void> {
    this.#call = { signal }
    while (this.#replaying > 0) {
      signal?.throwIfAborted()
      const { done } = await this.#next('TRANSFER_OTHER')
      if (done === true) throw new TransferError('TRANSFER_OTHER', `the file holds more than the DAG; sections=${this.#replaying}`)
      this.#replaying--
    }
  }

  /**
   * The section that comes next, if this is it.
   *
   * @throws {TransferError} `TRANSFER_UNREQUESTED`, `TRANSFER_HASH_MISMATCH`; `TRANSFER_BAD_SECTION`: bytes that are not of their codec, or of
   *   a hash that is not known; `TRANSFER_OTHER`: nothing comes next
   */
  async accept (section: CutSection): Promise<CID> {
    this.#came = section
    const next = await this.#next('TRANSFER_BAD_SECTION')
    if (next.done === true) throw new TransferError('TRANSFER_OTHER', `the DAG ends before the payload; at=${section.end - section.data.byteLength}`)
    const { cid, bytes } = next.value
    if (cid.multihash.code === IDENTITY) {
      checkCid(cid, section)
      if (!isEqual(bytes, section.data)) throw mismatch(cid, section)
    }
    return cid
  }

  /** @throws {TransferError} `TRANSFER_OTHER`: the DAG goes on */
  async checkEnd (): Promise<void> {
    this.#came = undefined
    const { done } = await this.#next('TRANSFER_BAD_SECTION')
    if (done !== true) throw new TransferError('TRANSFER_OTHER', 'the DAG goes on behind the payload')
  }

  async #next (code: 'TRANSFER_OTHER' | 'TRANSFER_BAD_SECTION'): Promise<IteratorResult<{ readonly cid: CID, readonly bytes: Uint8Array }, void>> {
    try {
      return await this.#walk.next()
    } catch (cause) {
      if (cause instanceof DagError) throw new TransferError(code, cause.message, { cause })
      throw cause
    }
  }

  async #held (cid: CID): Promise<Uint8Array> {
    if (!await this.#car.has(cid)) throw new TransferError('TRANSFER_OTHER', `the file lacks a block before its last one; cid=${cid.toString()}`)
    return cid.code === RAW ? LEAF : this.#car.bytes(cid, this.#call)
  }

  async #arrived (cid: CID): Promise<Uint8Array> {
    const section = this.#came
    if (section === undefined) throw new TransferError('TRANSFER_OTHER', 'the DAG goes on behind the payload')
    checkCid(cid, section)
    const { code, digest } = cid.multihash
    if (!this.#hashes.has(code)) throw new TransferError('TRANSFER_BAD_SECTION', `no hasher for a block; hash=0x${code.toString(16)} cid=${cid.toString()}`)
    if (!this.#hashes.matches(code, digest, section.data)) throw mismatch(cid, section)
    // the walk keeps what it has decoded from blocks with links
    return section.isLent && cid.code !== RAW ? section.data.slice() : section.data
  }
}

const checkCid = (cid: CID, section: CutSection): void => {
  if (!isEqual(cid.bytes, section.cid)) throw new TransferError('TRANSFER_UNREQUESTED', `another block than the one that comes next; want=${cid.toString()}`)
}

const mismatch = (cid: CID, { data }: CutSection): TransferError =>
  new TransferError('TRANSFER_HASH_MISMATCH', `block does not match its hash; cid=${cid.toString()} length=${data.byteLength}`)
