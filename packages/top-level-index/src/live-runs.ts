/**
 * Which runs are live, and of which shard: read from the database when first asked for, some thousand neighbours at a time,
 * and kept as plain numbers in bounded memory.
 */
import type { Database } from './database.ts'
import { decodeLive, isRunKey, liveRange, runOf } from './keys.ts'

/** Runs that are loaded together: 4 KiB of shard numbers. */
const BLOCK_RUNS = 1024
/** 2,048 blocks hold some two million runs in 8 MiB. */
const MAX_BLOCKS = 2048

/** The row of a live run cannot be read: of which shard it is, nobody knows. */
export const DAMAGED = -1

const DEAD = 0
const LIVE = 1
const SPOILT = 2

interface Block { readonly shards: Uint32Array, readonly live: Uint8Array }

export class LiveRuns {
  readonly #db: Database
  /** Least recently used first. */
  readonly #blocks: Map<number, Block> = new Map()
  readonly #loading: Map<number, Promise<Block>> = new Map()

  constructor (db: Database) { this.#db = db }

  /** The shard of a live run, or {@link DAMAGED}; a promise only when its block has to be read. */
  shardOf (run: number): number | undefined | Promise<number | undefined> {
    const id = Math.floor(run / BLOCK_RUNS)
    const block = this.#blocks.get(id)
    if (block === undefined) return this.#load(id).then((loaded) => shardIn(loaded, run))
    this.#blocks.delete(id)
    this.#blocks.set(id, block)
    return shardIn(block, run)
  }

  /** To be called right after the database says so. */
  set (run: number, shard: number | undefined): void {
    const id = Math.floor(run / BLOCK_RUNS)
    // a read under way may have seen the state before: it must not be kept
    this.#loading.delete(id)
    const block = this.#blocks.get(id)
    if (block === undefined) return
    block.live[run % BLOCK_RUNS] = shard === undefined ? DEAD : LIVE
    block.shards[run % BLOCK_RUNS] = shard ?? 0
  }

  /** To be called when it is not known what the database says of this run. */
  forget (run: number): void {
    const id = Math.floor(run / BLOCK_RUNS)
    this.#loading.delete(id)
    this.#blocks.delete(id)
  }

  async #load (id: number): Promise<Block> {
    const underWay = this.#loading.get(id)
    if (underWay !== undefined) return underWay
    const loading = this.#read(id)
    this.#loading.set(id, loading)
    try {
      const block = await loading
      if (this.#loading.get(id) === loading) this.#keep(id, block)
      return block
    } finally {
      if (this.#loading.get(id) === loading) this.#loading.delete(id)
    }
  }

  async #read (id: number): Promise<Block> {
    const block: Block = { shards: new Uint32Array(BLOCK_RUNS), live: new Uint8Array(BLOCK_RUNS) }
    const first = id * BLOCK_RUNS
    for await (const page of this.#db.pages(liveRange(first, first + BLOCK_RUNS - 1), BLOCK_RUNS)) {
      for (const [key, value] of page) {
        if (!isRunKey(key)) continue // none of ours
        const row = decodeLive(value)
        block.live[runOf(key) - first] = row === undefined ? SPOILT : LIVE
        block.shards[runOf(key) - first] = row?.shard ?? 0
      }
    }
    return block
  }

  #keep (id: number, block: Block): void {
    this.#blocks.set(id, block)
    if (this.#blocks.size <= MAX_BLOCKS) return
    const [oldest] = this.#blocks.keys()
    if (oldest !== undefined) this.#blocks.delete(oldest)
  }
}

const shardIn = (block: Block, run: number): number | undefined => {
  const state = block.live[run % BLOCK_RUNS]
  return state === LIVE ? block.shards[run % BLOCK_RUNS] : state === SPOILT ? DAMAGED : undefined
}
