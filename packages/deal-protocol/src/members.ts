/**
 * The members of a JSON object that came from outside, each checked; what does not fit throws a `TypeError`. Those that nobody asks for are
 * left alone, so that a later version may add some.
 *
 *     CID  {"/":"bafy…"}      bigint  "123"      bytes  base64 with padding      absent: left out, or null
 */
import { base64pad } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'

/** Of one text, in UTF-16 units. */
const MAX_TEXT = 4096
/** Longer than any that anything here has. */
const MAX_CID_TEXT = 512
const WHOLE = /^(?:0|-?[1-9]\d{0,38})$/u

export class Members {
  readonly #of: Readonly<Record<string, unknown>>

  constructor (value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('want=object')
    this.#of = value as Record<string, unknown>
  }

  has (name: string): boolean { return this.#get(name) !== undefined }

  text (name: string, max: number = MAX_TEXT): string {
    const value = this.#get(name)
    if (typeof value === 'string' && value.length <= max) return value
    throw wrong(name, 'text')
  }

  flag (name: string): boolean {
    const value = this.#get(name)
    if (typeof value === 'boolean') return value
    throw wrong(name, 'flag')
  }

  /** A whole number from 0 that is safe. */
  count (name: string): number {
    const value = this.whole(name)
    if (value >= 0) return value
    throw wrong(name, 'whole number from 0')
  }

  /** A whole number that is safe. */
  whole (name: string): number {
    const value = this.#get(name)
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value
    throw wrong(name, 'whole number')
  }

  /** From `min` up to below `end`. */
  bigint (name: string, min: bigint, end: bigint): bigint {
    const text = this.#get(name)
    const value = typeof text === 'string' && WHOLE.test(text) ? BigInt(text) : undefined
    if (value !== undefined && value >= min && value < end) return value
    throw wrong(name, 'digits')
  }

  u64 (name: string): bigint { return this.bigint(name, 0n, 1n << 64n) }

  /** attoFIL. */
  amount (name: string): bigint { return this.bigint(name, 0n, 1n << 128n) }

  epoch (name: string): bigint { return this.bigint(name, 0n, 1n << 63n) }

  bytes (name: string): Uint8Array {
    const text = this.#get(name)
    if (typeof text !== 'string') throw wrong(name, 'base64')
    const bytes = base64pad.baseDecode(text)
    if (base64pad.baseEncode(bytes) !== text) throw wrong(name, 'base64')
    return bytes
  }

  cid (name: string): CID {
    const text = this.object(name).text('/', MAX_CID_TEXT)
    return CID.parse(text)
  }

  oneOf<const T extends string> (name: string, known: readonly T[]): T {
    const value = known.find((one) => one === this.#get(name))
    if (value !== undefined) return value
    throw wrong(name, known.length > 4 ? 'a known name' : known.join(' or '))
  }

  texts (name: string, maxCount: number, max: number): readonly string[] {
    const value = this.#get(name)
    if (!Array.isArray(value) || value.length > maxCount) throw wrong(name, 'list of texts')
    return value.map((one: unknown) => new Members({ one }).text('one', max))
  }

  object (name: string): Members { return new Members(this.#get(name)) }

  /** `undefined` where it is absent; else what `read` takes. */
  orNone<T> (name: string, read: (name: string) => T): T | undefined { return this.has(name) ? read(name) : undefined }

  #get (name: string): unknown { return Object.hasOwn(this.#of, name) ? this.#of[name] ?? undefined : undefined }
}

const wrong = (name: string, want: string): TypeError => new TypeError(`member=${name} want=${want}`)
