/**
 * A full blockstore out of two parts of ours, for suites that want one: puts go to a writable CARv2 file, reads to a
 * promoted mount of that file. Going from one to the other finalizes the file, or extends it.
 *
 * A CAR can not lose a block, so deleted ones are remembered here and hidden: what the suites ask about deleting is asked
 * of this adapter, not of the packages.
 */
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { createMemoryDirectory, type Directory } from '@dagstore/io'
import { promote, type PromotedBlockstore } from '@dagstore/promote-blockstore'
import { BlockNotFoundError } from '@dagstore/read-blockstore'
import { createWritableCar, extendWritableCar, type WritableCar } from '@dagstore/writable-carv2'
import type { Blockstore, InputPair, Pair } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'

type Input = InputPair['bytes']
interface Call { signal?: AbortSignal }
const NAME = 'store.car'

export class CarBlockstore implements Blockstore {
  readonly #directory: Directory = createMemoryDirectory()
  readonly #deleted = new Set<string>()
  #writing: WritableCar | undefined
  #reading: PromotedBlockstore | undefined
  #turn: Promise<unknown> = Promise.resolve()

  /** Whichever calls come at once, the file changes its state for one after another. */
  #inTurn<T> (work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work)
    this.#turn = run.catch(() => {})
    return run
  }

  #writable (): Promise<WritableCar> {
    return this.#inTurn(async () => {
      if (this.#writing !== undefined) return this.#writing
      const isNew = this.#reading === undefined
      await this.#reading?.close()
      this.#reading = undefined
      const file = await this.#directory.openWritable(NAME, isNew ? 'new' : 'open')
      return this.#writing = await (isNew ? createWritableCar : extendWritableCar)(file)
    })
  }

  #mounted (): Promise<PromotedBlockstore> {
    return this.#inTurn(async () => {
      if (this.#reading !== undefined) return this.#reading
      this.#writing ??= await createWritableCar(await this.#directory.openWritable(NAME, 'new'))
      await this.#writing.finalize()
      await this.#writing.close()
      this.#writing = undefined
      const mount = await openIndexMount({ data: await this.#directory.openSource(NAME) })
      return this.#reading = promote(mount.blockstore, mount)
    })
  }

  async put (cid: CID, bytes: Input, options?: Call): Promise<CID> {
    const stored = await (await this.#writable()).put(cid, bytes, options)
    this.#deleted.delete(keyOf(cid))
    return stored
  }

  async * putMany (source: Iterable<InputPair> | AsyncIterable<InputPair>, options?: Call): AsyncGenerator<CID> {
    for await (const cid of (await this.#writable()).putMany(source, options)) {
      this.#deleted.delete(keyOf(cid))
      yield cid
    }
  }

  async has (cid: CID, options?: Call): Promise<boolean> {
    return !this.#deleted.has(keyOf(cid)) && await (await this.#mounted()).has(cid, options)
  }

  async * get (cid: CID, options?: Call): AsyncGenerator<Uint8Array> {
    if (this.#deleted.has(keyOf(cid))) throw new BlockNotFoundError(cid)
    yield * (await this.#mounted()).get(cid, options)
  }

  async * getMany (source: Iterable<CID> | AsyncIterable<CID>, options?: Call): AsyncGenerator<Pair> {
    yield * (await this.#mounted()).getMany(source, options)
  }

  async * getAll (options?: Call): AsyncGenerator<Pair> {
    for await (const pair of (await this.#mounted()).getAll(options)) {
      if (!this.#deleted.has(keyOf(pair.cid))) yield pair
    }
  }

  async delete (cid: CID, options?: Call): Promise<void> {
    options?.signal?.throwIfAborted()
    this.#deleted.add(keyOf(cid))
  }

  async * deleteMany (source: Iterable<CID> | AsyncIterable<CID>, options?: Call): AsyncGenerator<CID> {
    for await (const cid of source) {
      await this.delete(cid, options)
      yield cid
    }
  }

  isDeleted (cid: CID): boolean { return this.#deleted.has(keyOf(cid)) }

  async close (): Promise<void> {
    await this.#turn
    await this.#reading?.close()
    await this.#writing?.discard()
  }
}

const keyOf = (cid: CID): string => Buffer.from(cid.multihash.bytes).toString('hex')
