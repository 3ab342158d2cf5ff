/** So many slots and no more: a free one, or that of the holder idle for longest, or else a wait for one, in turn. */

export interface SlotHolder {
  /** Lets go of what the slot is for; the slot is then somebody else's. Must not reject. */
  yieldSlot(): Promise<void>
}

export class SlotQueue<H extends SlotHolder> {
  readonly #max: number
  #taken = 0
  /** Holders nobody uses; the first became so longest ago. */
  readonly #idle = new Set<H>()
  readonly #waiting: (() => void)[] = []

  constructor (max: number) {
    this.#max = max
  }

  get taken (): number {
    return this.#taken
  }

  /** Whether somebody waits for one. */
  get isWanted (): boolean {
    return this.#waiting.length > 0
  }

  /** Resolves when a slot is the caller's. */
  async take (): Promise<void> {
    if (this.#taken < this.#max) {
      this.#taken++
      return
    }
    const [oldest] = this.#idle
    if (oldest === undefined) return new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    this.#idle.delete(oldest)
    await oldest.yieldSlot()
  }

  /** The slot of `holder` may be taken. */
  idle (holder: H): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.add(holder)
    else void holder.yieldSlot().then(next)
  }

  /** The slot of `holder` may not be taken. */
  use (holder: H): void {
    this.#idle.delete(holder)
  }

  /** A slot that the caller had is free. */
  free (): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#taken--
    else next()
  }
}
