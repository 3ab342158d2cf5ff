/** Parts of a daemon that are closed one after another. */
import { expect, it } from 'vitest'
import { closeAll } from '../src/close-all.ts'

it('goes on with the other parts when one fails, each when the one before has ended', async () => {
  const seen: string[] = []
  const part = (name: string, error?: Error) => async (): Promise<void> => {
    seen.push(`${name} begins`)
    await undefined
    if (error !== undefined) throw error
    seen.push(`${name} ends`)
  }
  const gone = new Error('the disk is gone')
  await expect(closeAll([part('front'), part('deals', gone), () => undefined, part('store')])).rejects.toBe(gone)
  expect(seen).toEqual(['front begins', 'front ends', 'deals begins', 'store begins', 'store ends'])
})

it('tells of all that have failed', async () => {
  const failing = (message: string) => (): never => { throw new Error(message) }
  const error = await closeAll([failing('one'), failing('two')]).catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(AggregateError)
  expect((error as AggregateError).message).toBe('one; two')
  await closeAll([])
})
