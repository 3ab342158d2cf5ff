/**
 * A cut after every operation of a receiver. What holds afterwards:
 *
 *     1  the file can be opened again, and stands at the end of a section (L19: a torn block is never taken for a whole one)
 *     2  what a write had returned for is there
 *     3  the rest brings it to the very payload
 */
import { extractPayload } from '@dagstore/carv2'
import { createBytesSource } from '@dagstore/io'
import { everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { openPayloadReceiver } from '../src/index.ts'
import { bytesOf, inChunks, randomDag } from './dags.ts'

describe('L19: a cut at any operation of a receiver', () => {
  it.each([1, 2])('leaves whole sections, with which it goes on; seed=%i', async (seed) => {
    const dag = await randomDag(seed, 4, 1500)
    const options = { root: dag.root, totalBytes: dag.payload.byteLength }
    const half = dag.ends[Math.floor(dag.ends.length / 2)]!
    let promised = 0
    let isFinished = false
    const cuts = await everyCrash({
      seed,
      run: async (world) => {
        promised = 0
        isFinished = false
        const receiver = await openPayloadReceiver(await world.fs.writableFile('car'), options)
        await receiver.write(inChunks(dag.payload.subarray(0, half + 5), 700), { from: 0 })
        promised = half
        await receiver.close()
        const again = await openPayloadReceiver(await world.fs.writableFile('car'), options)
        await again.write(inChunks(dag.payload.subarray(half), 700), { from: half })
        promised = dag.payload.byteLength
        await again.finish()
        isFinished = true
        await again.close()
      },
      check: async (world) => {
        const receiver = await openPayloadReceiver(await world.fs.writableFile('car'), options)
        expect([0, ...dag.ends]).toContain(receiver.doneBytes)
        expect(receiver.doneBytes).toBeGreaterThanOrEqual(promised)
        if (isFinished) expect(receiver.complete).toBe(true)
        const from = receiver.doneBytes
        await receiver.write(inChunks(dag.payload.subarray(from), 300), { from })
        expect((await receiver.finish()).payloadBytes).toBe(dag.payload.byteLength)
        await receiver.close()
        const payload = await bytesOf(extractPayload(createBytesSource(world.fs.content('car')!)))
        expect(Buffer.compare(payload, dag.payload)).toBe(0)
      },
    })
    expect(cuts).toBeGreaterThan(15)
  })
})
