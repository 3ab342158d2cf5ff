/** Which pieces a dry run has seen, which may write nothing down: 16 to 32 bytes of memory for each of them. */

const FIRST_SLOTS = 1024

/** Remembers a hash of 64 bits of each key: two of a million are taken for one in some ten millionths of all runs. */
export class SeenPieces {
  /** Pairs; 0 and 0 is an empty slot. */
  #slots: Uint32Array = new Uint32Array(2 * FIRST_SLOTS)
  #count = 0

  /** @returns whether it was there before */
  add (key: string): boolean {
    let [low, high] = [0x811c9dc5, 0x9e3779b9]
    for (let at = 0; at < key.length; at++) {
      const unit = key.charCodeAt(at)
      low = Math.imul(low ^ unit, 0x01000193)
      high = Math.imul((high ^ unit) + (low >>> 15), 0x85ebca6b)
    }
    const seen = put(this.#slots, (low ^ (low >>> 15)) >>> 0, (high | 1) >>> 0)
    if (!seen && ++this.#count * 4 > this.#slots.length) this.#grow()
    return seen
  }

  #grow (): void {
    const grown = new Uint32Array(this.#slots.length * 2)
    for (let at = 0; at < this.#slots.length; at += 2) if (this.#slots[at + 1] !== 0) put(grown, this.#slots[at] as number, this.#slots[at + 1] as number)
    this.#slots = grown
  }
}

/** @param high - not 0 */
const put = (slots: Uint32Array, low: number, high: number): boolean => {
  const mask = slots.length / 2 - 1
  for (let slot = low & mask; ; slot = (slot + 1) & mask) {
    const [foundLow, foundHigh] = [slots[2 * slot], slots[2 * slot + 1]]
    if (foundLow === low && foundHigh === high) return true
    if (foundHigh !== 0) continue
    slots[2 * slot] = low
    slots[2 * slot + 1] = high
    return false
  }
}
