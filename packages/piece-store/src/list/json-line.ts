/** JSON of one line, with the column of every value and whole numbers exact: so that an error can say where it is. */
import { badRow } from '../deal-fields.ts'
import type { PieceStoreError } from '../errors.ts'

/** A value and where it begins; columns count UTF-16 units from 1. */
export interface Placed {
  readonly column: number
  readonly value: string | number | bigint | boolean | null | readonly Placed[] | ReadonlyMap<string, Placed>
}

/** Why a line is no JSON, and where. */
export interface NoJson {
  readonly column: number
  readonly error: PieceStoreError
}

/** Deeper in nobody's record; bounds the stack. */
const MAX_DEPTH = 16
const SPACE = /[ \t\r\n]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** What is between the quotes is checked by what takes them off. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y
const WORD = /true|false|null/y
const WHOLE = /^-?\d+$/
/** Digits beyond any id; more would only cost time. */
const MAX_DIGITS = 40

export const parseJsonLine = (text: string): Placed | NoJson => {
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }
  const skip = (): void => { match(SPACE) }
  const takes = (char: string): boolean => {
    skip()
    if (text[at] !== char) return false
    at++
    return true
  }
  const expect = (char: string): void => { if (!takes(char)) throw new NoJsonAt(at, at < text.length ? `want=${char} got=${JSON.stringify(text[at])}` : `want=${char} got=end of line`) }
  const name = (): string => {
    skip()
    const start = at
    const quoted = match(STRING)
    if (quoted === undefined) throw new NoJsonAt(start, 'want=name of a field')
    return plainValue(quoted, start) as string
  }
  const object = (depth: number): ReadonlyMap<string, Placed> => {
    const fields = new Map<string, Placed>()
    if (takes('}')) return fields
    do {
      skip()
      const start = at
      const key = name()
      if (fields.has(key)) throw new NoJsonAt(start, `field stands twice; name=${JSON.stringify(key.slice(0, 80))}`)
      expect(':')
      fields.set(key, value(depth))
    } while (takes(','))
    expect('}')
    return fields
  }
  const array = (depth: number): readonly Placed[] => {
    const items: Placed[] = []
    if (takes(']')) return items
    do items.push(value(depth)); while (takes(','))
    expect(']')
    return items
  }
  const value = (depth: number): Placed => {
    skip()
    const column = at + 1
    if (depth > MAX_DEPTH) throw new NoJsonAt(at, `nested too deep; max=${MAX_DEPTH}`)
    if (takes('{')) return { column, value: object(depth + 1) }
    if (takes('[')) return { column, value: array(depth + 1) }
    const plain = match(STRING) ?? match(WORD)
    if (plain !== undefined) return { column, value: plainValue(plain, column - 1) }
    const digits = match(NUMBER)
    if (digits !== undefined && digits.length <= MAX_DIGITS) return { column, value: numberOf(digits) }
    throw new NoJsonAt(column - 1, digits === undefined ? 'want=value' : `number is too long; max=${MAX_DIGITS}`)
  }
  try {
    const whole = value(0)
    skip()
    if (at < text.length) throw new NoJsonAt(at, 'want=end of line')
    return whole
  } catch (error) {
    if (!(error instanceof NoJsonAt)) throw error
    return { column: error.at + 1, error: badRow(`no JSON; ${error.message}`) }
  }
}

export const isNoJson = (parsed: Placed | NoJson): parsed is NoJson => 'error' in parsed

const plainValue = (text: string, at: number): string | boolean | null => {
  try {
    return JSON.parse(text) as string | boolean | null
  } catch {
    throw new NoJsonAt(at, 'text has what it cannot have')
  }
}

const numberOf = (digits: string): number | bigint => {
  const number = Number(digits)
  return !WHOLE.test(digits) || Number.isSafeInteger(number) ? number : BigInt(digits)
}

class NoJsonAt extends Error {
  readonly at: number

  constructor (at: number, message: string) {
    super(message)
    this.at = at
  }
}
