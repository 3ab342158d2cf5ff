/** Single blocks of one source, some of them asked for before the walk does. */
import { withdrawable } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { DagSource } from './dag-source.ts'

/** Blocks that came and are not taken yet, as a multiple of those under way. */
const MOST_WAITING = 4

export class FetchedAhead {
  readonly #width: number
  /** Whether a block need not be asked for. */
  readonly #isHad: (cid: CID) => Promise<boolean>
  readonly #under = new Map<string, Promise<Uint8Array>>()
  #active = 0
  #leaving = new AbortController()

  constructor (width: number, isHad: (cid: CID) => Promise<boolean>) {
    this.#width = width
    this.#isHad = isHad
  }

  has (cid: CID): boolean { return this.#under.has(cid.toString()) }

  /** The block; those of `next` are asked for meanwhile, as many as may be under way or wait to be taken. */
  async take (source: DagSource, cid: CID, next: readonly CID[], signal: AbortSignal): Promise<Uint8Array> {
    const bytes = this.#ask(source, cid)
    for (const each of next) {
      if (this.#active > this.#width || this.#under.size >= MOST_WAITING * this.#width) break
      if (!this.has(each) && !await this.#isHad(each)) this.#ask(source, each)
    }
    try {
      return await withdrawable(bytes, signal)
    } finally {
      this.#under.delete(cid.toString())
    }
  }

  /** Ends what is under way. */
  clear (): void {
    this.#leaving.abort()
    this.#leaving = new AbortController()
    this.#under.clear()
  }

  #ask (source: DagSource, cid: CID): Promise<Uint8Array> {
    const key = cid.toString()
    const known = this.#under.get(key)
    if (known !== undefined) return known
    const asked = source.block(cid, { signal: this.#leaving.signal })
    this.#active++
    // told to whoever takes it
    asked.catch(() => {}).finally(() => { this.#active-- })
    this.#under.set(key, asked)
    return asked
  }
}
