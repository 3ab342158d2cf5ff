/** Ids on the command line: of imports, retrievals and transfers. */
import { InvalidArgumentError } from 'commander'

const MAX_U64 = (1n << 64n) - 1n

/** @throws {InvalidArgumentError} wrong usage */
export const parseId = (text: string): bigint => {
  const id = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined
  if (id !== undefined && id <= MAX_U64) return id
  throw new InvalidArgumentError('it is a whole number, as it is listed')
}

/** Of several: doubled ones count once. */
export const parseIds = (text: string, before: readonly bigint[] | undefined): readonly bigint[] => {
  const id = parseId(text)
  return before === undefined ? [id] : before.includes(id) ? before : [...before, id]
}
