import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { bytesToHex } from '@noble/hashes/utils.js'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { commpOf, createCommP, createPieceEngine, openCommPWorkers, openNativeHasher } from '../src/node.ts'
import { PART_UNPADDED } from '../src/node-workers.ts'

const PART = 8 * 65_024
const folder = mkdtempSync(join(tmpdir(), 'dagstore-piece-'))
const module = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return pathToFileURL(path).href
}
/** The interface of `@chainsafe/hashtree`, which is a CommonJS module. */
const FAKE = `
const { createHash } = require('node:crypto')
exports.hashInto = (input, output) => {
  for (let at = 0; at < output.length; at += 32) output.set(createHash('sha256').update(input.subarray(2 * at, 2 * at + 64)).digest(), at)
}
`

afterAll(() => { rmSync(folder, { recursive: true }) })
afterEach(() => { vi.unstubAllGlobals() })

const committed = (payload: Uint8Array): string => {
  const commp = createCommP()
  commp.write(payload)
  return commp.finish().cidV2.toString()
}

const cut = function * (bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length)
}

describe('openCommPWorkers', () => {
  it.each([0, -1, 1.5, 257, Number.NaN])('refuses %s threads', (threads) => {
    expect(() => openCommPWorkers({ threads })).toThrow(RangeError)
  })
  it('commits to parts side by side, and gives their memory back', async () => {
    await using workers = openCommPWorkers({ threads: 2 })
    const parts = [1, 2, 3, 4, 5, 6, 7].map((seed) => seededBytes(seed, PART).slice())
    const wanted = parts.map((part) => bytesToHex(commitmentOf(part)))
    const answers = await Promise.all(parts.map((part) => workers.commit(part)))
    expect(answers.map(({ subtree }) => bytesToHex(subtree.node))).toEqual(wanted)
    expect(answers.every(({ subtree }) => subtree.height === 14)).toBe(true)
    // taken away while in use
    expect(parts.every(({ byteLength }) => byteLength === 0)).toBe(true)
    expect(answers.every(({ part }) => part.byteLength === PART_UNPADDED)).toBe(true)
  })
  it('refuses a part of another length', async () => {
    await using workers = openCommPWorkers({ threads: 1 })
    await expect(workers.commit(new Uint8Array(PART - 1))).rejects.toBeInstanceOf(RangeError)
    await expect(workers.commit(new Uint8Array(PART + 8).subarray(8))).rejects.toBeInstanceOf(RangeError)
  })
  it('refuses memory that went to another call meanwhile, and goes on', async () => {
    await using workers = openCommPWorkers({ threads: 1 })
    const [first, second] = [new Uint8Array(PART), new Uint8Array(PART)]
    const busy = [workers.commit(new Uint8Array(PART)), workers.commit(new Uint8Array(PART))]
    // both wait for their turn, and so does the one behind them
    const waiting = [first, first, second, second, new Uint8Array(PART)].map((part) => workers.commit(part))
    expect((await Promise.allSettled([...busy, ...waiting])).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
    const shared = new Uint8Array(new SharedArrayBuffer(PART)) as unknown as Uint8Array<ArrayBuffer>
    await Promise.all(Array.from({ length: 4 }, () => expect(workers.commit(shared)).rejects.toThrow()))
    expect((await workers.commit(new Uint8Array(PART))).subtree.height).toBe(14)
  })
  it('rejects what is under way when it is closed, and what comes later', async () => {
    const workers = openCommPWorkers({ threads: 1 })
    const failed = { code: 'PIECE_WORKER_FAILED' }
    const underWay = Array.from({ length: 6 }, () => expect(workers.commit(new Uint8Array(PART))).rejects.toMatchObject(failed))
    await workers.close()
    await Promise.all(underWay)
    await workers.close()
    await expect(workers.commit(new Uint8Array(PART))).rejects.toMatchObject(failed)
  })
  it('rejects with its cause when a worker dies, and works on with another one', async () => {
    const crashing = module('crashing.cjs', `
      let calls = 0
      exports.hashInto = (input, output) => { if (input[0] === 0xdd) throw new Error('crash'); output.fill(calls++ & 0) }
    `)
    await using workers = openCommPWorkers({ threads: 1, native: crashing })
    const bad = Array.from({ length: 2 }, () => expect(workers.commit(new Uint8Array(PART).fill(0xdd))).rejects.toMatchObject({ code: 'PIECE_WORKER_FAILED' }))
    await Promise.all(bad)
    expect(bytesToHex((await workers.commit(new Uint8Array(PART))).subtree.node)).toBe('00'.repeat(32))
  })
  it('says so when its native hasher cannot be loaded', async () => {
    await using workers = openCommPWorkers({ threads: 1, native: pathToFileURL(join(folder, 'absent.cjs')).href })
    const failure = await workers.commit(new Uint8Array(PART)).catch((error: unknown) => error as Error)
    expect(failure).toMatchObject({ code: 'PIECE_WORKER_FAILED', cause: expect.objectContaining({ code: 'ERR_MODULE_NOT_FOUND' }) as unknown })
  })
  it('needs WebAssembly', async () => {
    vi.stubGlobal('WebAssembly', undefined)
    vi.resetModules()
    const { openCommPWorkers: openFresh } = await import('../src/node.ts')
    expect(() => openFresh({ threads: 1 })).toThrow(expect.objectContaining({ code: 'PIECE_WORKER_FAILED' }))
  })
  it('keeps the process alive while there is work, and no longer', async () => {
    const holding = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Worker' || name === 'MessagePort').length
    const before = holding()
    await using workers = openCommPWorkers({ threads: 2 })
    const answers = [1, 2, 3].map(() => workers.commit(new Uint8Array(PART)))
    expect(holding()).toBeGreaterThan(before)
    await Promise.all(answers)
    expect(holding()).toBe(before)
    await workers.commit(new Uint8Array(PART))
    expect(holding()).toBe(before)
  })
})

describe('commpOf with workers', () => {
  const payload = seededBytes(11, 5 * PART + 77_777)
  const want = committed(payload)

  it('equals one thread, for any cut and any length', async () => {
    await using workers = openCommPWorkers({ threads: 2 })
    for (const length of [1000, 65_024, PART, 700_001, payload.byteLength]) {
      expect((await commpOf(cut(payload, length), { workers })).cidV2.toString()).toBe(want)
    }
    for (const length of [1, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 127]) {
      expect((await commpOf([payload.subarray(0, length)], { workers })).cidV2.toString()).toBe(committed(payload.subarray(0, length)))
    }
  })
  it('serves several commitments at once', async () => {
    await using workers = openCommPWorkers({ threads: 2 })
    const results = await Promise.all([1, 2, 3].map((skip) => commpOf(cut(payload.subarray(skip), 100_000), { workers })))
    expect(results.map(({ cidV2 }) => cidV2.toString())).toEqual([1, 2, 3].map((skip) => committed(payload.subarray(skip))))
  })
  it('starts threads of its own for large payloads only, and ends them', async () => {
    const large = seededBytes(12, 1 << 20)
    const chunks = Array.from({ length: 20 }, () => large)
    const whole = new Uint8Array(20 << 20)
    for (const [i, chunk] of chunks.entries()) whole.set(chunk, i << 20)
    const started: number[] = []
    const seen = await commpOf(chunks, { workers: 2, totalBytes: whole.byteLength, onProgress: ({ doneBytes }) => { started.push(doneBytes) } })
    expect(seen.cidV2.toString()).toBe(committed(whole))
    expect(started).toEqual([...started].sort((a, b) => a - b))
    // slices of 1 MiB to begin with, parts afterwards
    expect(started[0]).toBe(1 << 20)
    expect(started.at(-1)! % PART).toBe(0)
    expect((await commpOf([payload], { workers: 2 })).cidV2.toString()).toBe(want)
  })
  it('rejects with the reason of an abort while it waits, and leaves the workers usable', async () => {
    await using workers = openCommPWorkers({ threads: 1 })
    const reason = new Error('enough')
    const control = new AbortController()
    const taken = commpOf(cut(payload, PART), { workers, signal: control.signal, onProgress: () => { control.abort(reason) } })
    await expect(taken).rejects.toBe(reason)
    await expect(commpOf([payload], { workers, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect((await commpOf([payload], { workers })).cidV2.toString()).toBe(want)
  })
  it('rejects when a worker dies, and closes its source', async () => {
    const crashing = module('crashing-at-once.cjs', 'exports.hashInto = () => { process.exit(3) }')
    await using workers = openCommPWorkers({ threads: 2, native: crashing })
    let closed = false
    const source = async function * (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield payload
      } finally {
        closed = true
      }
    }
    await expect(commpOf(source(), { workers })).rejects.toMatchObject({ code: 'PIECE_WORKER_FAILED' })
    expect(closed).toBe(true)
  })
  it('hands on the error of its source', async () => {
    const broken = new Error('disk')
    const source = function * (): Generator<Uint8Array> {
      yield payload
      throw broken
    }
    await expect(commpOf(source(), { workers: 1 })).rejects.toBe(broken)
    await using workers = openCommPWorkers({ threads: 2 })
    await expect(commpOf(source(), { workers })).rejects.toBe(broken)
  })
  it('hashes in this thread where there is no WebAssembly', async () => {
    vi.stubGlobal('WebAssembly', undefined)
    vi.resetModules()
    const { commpOf: fresh } = await import('../src/node.ts')
    expect((await fresh([Uint8Array.of(1)], { workers: 2 })).cidV2.toString()).toBe(committed(Uint8Array.of(1)))
    for (const workers of [0, -1, 1.5, 257, Number.NaN]) await expect(fresh([Uint8Array.of(1)], { workers })).rejects.toBeInstanceOf(RangeError)
  })
})

describe('the native hasher', () => {
  const payload = seededBytes(13, 3 * PART + 1)
  it('is found where its URL says, and gives equal commitments, alone and in workers', async () => {
    const url = module('hashtree.cjs', FAKE)
    const hasher = await openNativeHasher(url)
    expect(hasher?.name).toBe('native')
    const engine = createPieceEngine({ hasher })
    expect((await commpOf([payload], { engine })).cidV2.toString()).toBe(committed(payload))
    await using workers = openCommPWorkers({ threads: 2, native: url })
    expect((await commpOf([payload], { workers, engine })).cidV2.toString()).toBe(committed(payload))
  })
  it('may be a module with a default export', async () => {
    const url = module('hashtree.mjs', "import { createHash } from 'node:crypto'\nexport default { hashInto: (input, output) => { for (let at = 0; at < output.length; at += 32) output.set(createHash('sha256').update(input.subarray(2 * at, 2 * at + 64)).digest(), at) } }")
    await using workers = openCommPWorkers({ threads: 1, native: url })
    expect((await commpOf([payload], { workers, engine: createPieceEngine({ hasher: await openNativeHasher(url) }) })).cidV2.toString()).toBe(committed(payload))
  })
  it('is none where it is not installed or does not load, and an error where it is something else', async () => {
    expect(await openNativeHasher(pathToFileURL(join(folder, 'nothing.cjs')).href)).toBeUndefined()
    expect(await openNativeHasher(module('broken.cjs', 'throw new Error("no binary for this platform")'))).toBeUndefined()
    await expect(openNativeHasher(module('other.cjs', 'exports.hash = () => {}'))).rejects.toBeInstanceOf(TypeError)
  })
})

const commitmentOf = (payload: Uint8Array): Uint8Array => {
  const commp = createCommP()
  commp.write(payload)
  return commp.finish().commitment
}
