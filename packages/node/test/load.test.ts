/** Many readers of many shards whose copies do not all fit, on real files: everything is served, and nothing is left over. */
import { createReadStream, existsSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import type { MountFactory } from '@dagstore/mounts'
import { expect, it } from 'vitest'
import { openDagstore } from '../src/index.ts'

const LONG = process.env['DAGSTORE_LONG'] !== undefined
const SHARDS = LONG ? 1000 : 80
/** All at the same time; each has one lease at a time. */
const READERS = 8 * SHARDS
const TURNS = LONG ? 4 : 1
const CARS = 12

const cars = Array.from({ length: CARS }, (_, seed) => {
  const blocks = makeBlocks(300 + seed, 12 + 4 * seed, { min: 500, max: 3000 })
  return { bytes: carV1([blocks[0]!.cid], blocks), blocks }
})
const carOf = (shard: number): typeof cars[number] => cars[shard % CARS]!

/** Repeats itself for the same seed. */
const numbers = (seed: number): ((below: number) => number) => {
  let state = seed + 1
  return (below) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5 | 0
    return (state >>> 8) % below
  }
}

const bytesBelow = (folder: string): number => (existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [])
  .reduce((sum, entry) => sum + (entry.isDirectory() ? bytesBelow(join(folder, entry.name)) : statSync(join(folder, entry.name), { throwIfNoEntry: false })?.size ?? 0), 0)
const filesBelow = (folder: string): string[] => readdirSync(folder, { withFileTypes: true })
  .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [entry.name]))
/** Files below a folder that this process has open; none where that cannot be seen. */
const openBelow = (folder: string): readonly string[] => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd') : []).flatMap((fd) => {
  try {
    return [readlinkSync(`/proc/self/fd/${fd}`)].filter((path) => path.startsWith(folder))
  } catch {
    return [] // the one that listed the folder
  }
})

it(`${SHARDS} shards and ${READERS} readers under a quota of a quarter of the data`, async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'dagstore-load-')))
  try {
    for (const [number, { bytes }] of cars.entries()) await writeFile(join(folder, `${number}.car`), bytes)
    let streams = 0
    const ordered: MountFactory = {
      scheme: 'ordered',
      mount: (url) => {
        const { bytes: { byteLength: sizeBytes } } = carOf(Number(url.split(':')[1]))
        return {
          url,
          stat: async () => ({ exists: true, sizeBytes, ready: true, access: 'sequential' }),
          open: async () => ({
            access: 'sequential',
            identity: { kind: 'version', tag: '"1"', sizeBytes },
            resumable: false,
            stream: async function * () {
              streams++
              try {
                for await (const chunk of createReadStream(join(folder, `${Number(url.split(':')[1]) % CARS}.car`), { highWaterMark: 4096 })) yield chunk as Uint8Array
              } finally {
                streams--
              }
            },
          }),
        }
      },
    }
    const total = Array.from({ length: SHARDS }, (_, shard) => carOf(shard).bytes.byteLength).reduce((a, b) => a + b)
    const quotaBytes = Math.floor(total / 4)
    const root = join(folder, 'store')
    const store = await openDagstore(root, { mounts: [ordered], maxOpenShards: 16, maxConcurrentIndexing: 4, transients: { quotaBytes, reserveBytes: 64 << 10 } })
    const keys = Array.from({ length: SHARDS }, (_, shard) => `shard-${shard}`)
    for await (const outcome of store.registerMany(keys.map((key, shard) => ({ key, mountUrl: `ordered:${shard}` })))) expect(outcome.ok).toBe(true)

    let most = 0
    let served = 0
    let withdrawn = 0
    let running = true
    const watching = (async () => {
      while (running) {
        most = Math.max(most, bytesBelow(join(root, 'transients')))
        await new Promise((resolve) => { setTimeout(resolve, 20) })
      }
    })()
    const reader = async (seed: number): Promise<void> => {
      const random = numbers(seed)
      for (let turn = 0; turn < TURNS; turn++) {
        const shard = random(SHARDS)
        const { blocks } = carOf(shard)
        const leaving = new AbortController()
        const withdraws = random(10) === 0
        const acquiring = store.acquire(keys[shard]!, { signal: leaving.signal })
        if (withdraws) setTimeout(() => { leaving.abort(new Error('left')) }, random(20))
        try {
          await using lease = await acquiring
          for (let i = 0; i < 3; i++) {
            const { cid, data } = blocks[random(blocks.length)]!
            expect(Buffer.compare(await lease.blockstore.bytes(cid), data)).toBe(0)
          }
          served++
        } catch (error) {
          if (error !== leaving.signal.reason) throw error
          withdrawn++
        }
      }
    }
    try {
      await Promise.all(Array.from({ length: READERS }, (_, seed) => reader(seed)))
    } finally {
      running = false
      await watching
    }

    expect(served + withdrawn).toBe(READERS * TURNS)
    expect(withdrawn).toBeGreaterThan(0)
    // trailers of whole copies are not the quota's
    expect(most).toBeLessThanOrEqual(quotaBytes + SHARDS * 4096)
    expect(streams).toBe(0)
    for await (const { key, leases, health } of store.shards()) {
      expect(leases, key).toBe(0)
      expect(health, key).not.toBe('errored')
    }
    const report = await store.gc()
    expect(report.failures).toBe(0)
    expect(filesBelow(join(root, 'transients')).filter((name) => /\.(?:transient|partial|progress|adopted|tmp)$/u.test(name))).toEqual([])
    await store.close()
    // streams that were cut off are closed behind the call
    while (openBelow(folder).length > 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
