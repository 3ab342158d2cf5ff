import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { makeBlocks } from '@dagstore-tooling/fixtures'
import { createIndexBuilder, createPageCache } from '@dagstore/carv2'
import { createBytesSource, type SourceIdentity } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { type IndexMount, openIndexMount } from '../src/index.ts'
import { joinBytes, testSource } from './cars.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const settle = async (): Promise<number> => {
  for (let i = 0; i < 3; i++) {
    gc()
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
/** A CARv1 header without roots. */
const header = new Uint8Array(Buffer.from('11a265726f6f7473806776657273696f6e01', 'hex'))

/** An index of so many entries, and a source of the CAR that it is of, of which there is nothing but the header. */
const parts = (count: number): { readonly index: Uint8Array, readonly sizeBytes: number, readonly identity: SourceIdentity } => {
  const builder = createIndexBuilder()
  let at = header.byteLength
  const [block] = makeBlocks(1, 1, { min: 1, max: 1 })
  for (let i = 0; i < count; i++) {
    const cid = block!.cid.slice()
    for (let k = 0, state = i * 2654435761 + 12345; k < 32; k++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      cid[4 + k] = state >>> 24
    }
    builder.add({ cid, sectionOffset: at, headBytes: 38, dataBytes: 1000 })
    at += 1038
  }
  const identity = { kind: 'content', cid: `of ${count}`, sizeBytes: at } as const
  return { index: joinBytes(builder.finish({ payloadStart: 0, payloadEnd: at, carV1Header: header, source: identity }).encode()), sizeBytes: at, identity }
}

describe('memory of an open shard', () => {
  it.each([1000, 300_000])('is at most 64 KiB besides the shared pages, also with %i blocks in it', async (count) => {
    const { index, sizeBytes, identity } = parts(count)
    const head = createBytesSource(header)
    const indexSource = testSource(index)
    const pages = createPageCache({ maxBytes: 1 << 20 })
    const mounts: IndexMount[] = []
    const open = async (): Promise<void> => {
      const data = {
        ...head, sizeBytes, identity,
        read: async (at: number, length: number) => {
          const bytes = new Uint8Array(length)
          bytes.set(header.subarray(at, at + length))
          return bytes
        },
        peek: () => undefined,
      }
      mounts.push(await openIndexMount({ data, index: indexSource }, { pages, owns: false }))
    }
    await open()
    const digest = new Uint8Array(34).fill(7).fill(0x12, 0, 1).fill(0x20, 1, 2)
    await mounts[0]!.index.find(digest) // the cache may fill
    indexSource.reads.length = 0
    const before = await settle()
    const SHARDS = 300
    for (let i = 0; i < SHARDS; i++) await open()
    const perShard = (await settle() - before) / SHARDS
    expect(perShard).toBeLessThan(64 * 1024)
    // and opening reads as much whatever the number of blocks is
    expect(indexSource.reads.length).toBe(SHARDS)
    for (const mount of mounts) await mount.close()
  })
})
