/** The members of a decoded list, taken one after another and checked; what does not fit throws a `TypeError`. */
import { CID } from 'multiformats/cid'

const MAX_U64 = 0xffff_ffff_ffff_ffffn

export class Fields {
  readonly #values: readonly unknown[]
  #at = 0

  /** @param length - that the list must have; `undefined`: any */
  constructor (value: unknown, length: number | undefined) {
    if (!Array.isArray(value) || (length !== undefined && value.length !== length)) throw new TypeError('list')
    this.#values = value
  }

  text (): string {
    const value = this.#next()
    if (typeof value === 'string') return value
    throw new TypeError('text')
  }

  bytes (): Uint8Array {
    const value = this.#next()
    if (value instanceof Uint8Array) return value
    throw new TypeError('bytes')
  }

  textOrBytes (): string | Uint8Array {
    return typeof this.#values[this.#at] === 'string' ? this.text() : this.bytes()
  }

  flag (): boolean {
    const value = this.#next()
    if (typeof value === 'boolean') return value
    throw new TypeError('flag')
  }

  cid (): CID {
    const value = CID.asCID(this.#next())
    if (value !== null) return value
    throw new TypeError('CID')
  }

  /** A whole number from 0 that is safe. */
  count (): number {
    const value = this.#next()
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    throw new TypeError('number')
  }

  u64 (): bigint {
    const value = this.#whole()
    if (value >= 0n && value <= MAX_U64) return value
    throw new TypeError('u64')
  }

  i64 (): bigint {
    const value = this.#whole()
    if (BigInt.asIntN(64, value) === value) return value
    throw new TypeError('i64')
  }

  list (length?: number): Fields { return new Fields(this.#next(), length) }

  /** `undefined` for null; else what `read` takes. */
  orNone<T> (read: () => T): T | undefined {
    if (this.#values[this.#at] !== null) return read()
    this.#at++
    return undefined
  }

  /** Whether there are any left. */
  get more (): boolean { return this.#at < this.#values.length }

  /** Nothing may be left. */
  end (): void {
    if (this.#at !== this.#values.length) throw new TypeError('length')
  }

  #whole (): bigint {
    const value = this.#next()
    if (typeof value === 'bigint') return value
    if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
    throw new TypeError('whole number')
  }

  #next (): unknown {
    if (this.#at >= this.#values.length) throw new TypeError('length')
    return this.#values[this.#at++]
  }
}
