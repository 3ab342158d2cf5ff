/** What kept a deal from going on, as a member of the records of both sides: `[code, message, at, retry, attempts, nextRetryAt | null]`. */
import type { Fields } from './fields.ts'
import type { DealFailure } from './provider-deal.ts'

/** By number; never reordered. */
const RETRIES: readonly DealFailure['retry'][] = ['never', 'later']

export const encodeFailure = ({ code, message, at, retry, attempts, nextRetryAt }: DealFailure): unknown[] =>
  [code, message, at, RETRIES.indexOf(retry), attempts, nextRetryAt ?? null]

/** @throws {TypeError} it is none */
export const decodeFailure = (fields: Fields): DealFailure => {
  const [code, message, at] = [fields.text(), fields.text(), fields.count()]
  const retry = RETRIES[fields.count()]
  if (retry === undefined) throw new TypeError('retry')
  return { code, message, at, retry, attempts: fields.count(), nextRetryAt: fields.orNone(() => fields.count()) }
}
