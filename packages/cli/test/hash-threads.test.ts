/** Several pieces that are hashed at a time. */
import { availableParallelism } from 'node:os'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { commpOf } from '@dagstore/piece/node'
import { expect, it } from 'vitest'
import { createThreadedCommP, hashThreads } from '../src/hash-threads.ts'

it('names threads where there is more than one processor, four at most', () => {
  expect(hashThreads()).toBe(availableParallelism() < 2 ? undefined : Math.min(4, availableParallelism()))
})

it('gives several at a time, and one after another, what each of them has', async () => {
  const open = createThreadedCommP()
  const payloads = [seededBytes(1, 17 << 20), seededBytes(2, 300_000), seededBytes(3, 300_000)]
  const wanted = await Promise.all(payloads.map(async (payload) => (await commpOf([payload])).cidV2.toString()))
  for (let round = 0; round < 2; round++) {
    const got = await Promise.all(payloads.map(async (payload) => {
      const writer = open()
      try {
        await writer.write(payload)
        return (await writer.finish()).cidV2.toString()
      } finally {
        await writer.close()
        await writer.close()
      }
    }))
    expect(got).toEqual(wanted)
  }
})
