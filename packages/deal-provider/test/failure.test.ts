import { IoError } from '@dagstore/io'
import type { DealFailure } from '@dagstore/deal-protocol'
import { expect, it } from 'vitest'
import { DEAL_RETRY_DEFAULTS, failureOf } from '../src/failure.ts'

/** Of so many failures in a row, in seconds. */
const pausesOf = (code: 'IO_FULL' | 'IO_FAILED', count: number, options: Parameters<typeof failureOf>[4] = {}): readonly (number | undefined)[] => {
  const pauses: (number | undefined)[] = []
  let before: DealFailure | undefined
  for (let at = 0; at < count; at++) {
    before = failureOf(new IoError(code, 'no', { retry: 'later' }), before, 0, DEAL_RETRY_DEFAULTS, options)
    pauses.push(before.nextRetryAt === undefined ? undefined : before.nextRetryAt / 1000)
  }
  return pauses
}

it('tries again after pauses that double, but looks each minute whether a full disk has room', () => {
  expect(pausesOf('IO_FAILED', 10)).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600])
  expect(pausesOf('IO_FULL', 5)).toEqual([10, 20, 40, 60, 60])
})

it('lets attempts that are counted last as long on a full disk', () => {
  expect(pausesOf('IO_FULL', 6, { budget: 5 })).toEqual([10, 20, 40, 80, 160, undefined])
})
