/** Commitments that are waited for: here, and on threads. */
import { seededBytes } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { createCommP, openCommPHere } from '../src/index.ts'
import { createPieceEngine, openCommP, openCommPWorkers } from '../src/node.ts'

const payload = seededBytes(3, 2_500_000)
const want = ((): ReturnType<ReturnType<typeof createCommP>['finish']> => {
  const commp = createCommP({ engine: createPieceEngine() })
  commp.write(payload)
  return commp.finish()
})()

describe.each([
  ['here', () => openCommPHere({ engine: createPieceEngine() })],
  ['in Node', () => openCommP],
  ['on threads that are given', () => (call: object = {}) => {
    const workers = openCommPWorkers({ threads: 2 })
    const writer = openCommP({ ...call, workers })
    return { ...writer, close: async () => { await writer.close(); await workers.close() } }
  }],
  ['on threads of its own', () => (call: object = {}) => openCommP({ ...call, workers: 1 })],
] as const)('a commitment that is waited for, %s', (_, open) => {
  it('is that of all that was written, however it was cut, and of memory that is used again', async () => {
    const writer = open()()
    const memory = new Uint8Array(777_777)
    for (let at = 0; at < payload.byteLength; at += memory.byteLength) {
      const part = memory.subarray(0, Math.min(memory.byteLength, payload.byteLength - at))
      part.set(payload.subarray(at, at + part.byteLength))
      await writer.write(part)
    }
    expect(await writer.finish()).toEqual(want)
    await writer.close()
    await writer.close()
  })

  it('ends with the reason of an abort', async () => {
    const leaving = new AbortController()
    const writer = open()({ signal: leaving.signal })
    await writer.write(payload)
    const reason = new Error('enough')
    leaving.abort(reason)
    await expect(writer.finish()).rejects.toBe(reason)
    await writer.close()
  })

  it('of nothing is none', async () => {
    const writer = open()()
    await expect(writer.finish()).rejects.toMatchObject({ code: 'PIECE_TOO_SMALL' })
    await writer.close()
  })
})

it('starts threads of its own once 16 MiB have passed, and ends them', async () => {
  const long = seededBytes(4, 18 << 20)
  const here = createCommP({ engine: createPieceEngine() })
  here.write(long)
  const writer = openCommP({ workers: 2 })
  await writer.write(long)
  expect((await writer.finish()).cidV2.toString()).toBe(here.finish().cidV2.toString())
  await writer.close()
})
