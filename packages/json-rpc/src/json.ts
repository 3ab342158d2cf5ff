/** JSON in which whole numbers keep all their digits: those beyond 2^53 are `bigint`. */
import { parse, stringify } from 'lossless-json'
import { RpcError } from './errors.ts'

/** No number with fewer digits is beyond 2^53. */
const MAY_BE_BEYOND = /\d{16}/
const WHOLE = /^-?\d+$/
/** Far above 2^256. Reading, and above all writing, longer ones takes time that grows with the square of their length. */
const MAX_DIGITS = 1024

const exactNumber = (text: string): number | bigint => {
  if (text.length > MAX_DIGITS) throw new RangeError(`a number of ${text.length} characters; most=${MAX_DIGITS}`)
  const number = Number(text)
  return !WHOLE.test(text) || Number.isSafeInteger(number) ? number : BigInt(text)
}

/** @throws {RpcError} `RPC_BAD_MESSAGE`: no JSON, nested too deep, a number of more than 1024 characters, or a member that stands twice with two values */
export const parseJson = (text: string): unknown => {
  try {
    // what has no such number is read the same by what is built in, and faster
    return MAY_BE_BEYOND.test(text) ? parse(text, undefined, exactNumber) : JSON.parse(text)
  } catch (cause) {
    throw new RpcError('RPC_BAD_MESSAGE', 'Parse error', { cause })
  }
}

/** One line; `bigint` as digits. @throws {TypeError} a circle, or nothing that JSON could hold */
export const toJson = (value: unknown): string => {
  let exact = false
  const text = JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'bigint') return item
    exact = true
    return null
  }) as string | undefined
  const result = exact ? stringify(value) : text
  if (result === undefined) throw new TypeError(`not a value of JSON; type=${typeof value}`)
  return result
}
