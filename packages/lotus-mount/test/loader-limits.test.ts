import { setImmediate as turn } from 'node:timers/promises'
import { createFakeClock, seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { createPieceLoader, type PieceLimits, type PieceLoaderOptions, type PieceMetricName, PIECE_METRICS } from '../src/index.ts'
import { createSlots } from '../src/slots.ts'
import { ioError, makePiece, type TestPiece, testSource } from './pieces.ts'

const pieces = Array.from({ length: 12 }, (_, at) => makePiece(at + 1, 300))
const [piece] = pieces as [TestPiece]

interface Gate { readonly promise: Promise<void>, open (): void }
const gate = (): Gate => {
  let open = (): void => {}
  const promise = new Promise<void>((resolve) => { open = resolve })
  return { promise, open }
}

/** A source whose calls wait at gates; counts how many are under way. */
const gated = (): { readonly source: ReturnType<typeof testSource>, readonly now: Record<'stat' | 'open' | 'read' | 'unseal', number>, readonly gates: Record<'stat' | 'open' | 'read' | 'unseal', Gate>, readonly max: Record<string, number> } => {
  const source = testSource('s', 0, pieces)
  const gates = { stat: gate(), open: gate(), read: gate(), unseal: gate() }
  const now = { stat: 0, open: 0, read: 0, unseal: 0 }
  const max: Record<string, number> = {}
  const within = async <T>(kind: keyof typeof now, work: () => Promise<T>): Promise<T> => {
    max[kind] = Math.max(max[kind] ?? 0, ++now[kind])
    try {
      await gates[kind].promise
      return await work()
    } finally {
      now[kind]--
    }
  }
  const { stat, open } = source
  source.stat = (...call) => within('stat', () => stat(...call))
  source.open = (...call) => within('open', async () => {
    const opened = await open(...call)
    return opened === undefined ? undefined : { ...opened, read: (...read) => within('read', () => opened.read(...read)) }
  })
  source.unseal = () => within('unseal', async () => { source.unsealed = 'yes'; return true })
  return { source, now, gates, max }
}

const settle = async (): Promise<void> => { for (let i = 0; i < 20; i++) await turn() }

describe('limits of a piece loader', () => {
  it('scenario of Lotus: of 10 openings so many wait as are above the limit, then all finish', async () => {
    const { source, now, gates, max } = gated()
    const loader = createPieceLoader([source], { limits: { open: 7 } })
    const opening = pieces.slice(0, 10).map(({ v1 }) => loader.open(v1))
    await settle()
    expect(now.open).toBe(7)
    gates.open.open()
    expect(await Promise.all(opening)).toHaveLength(10)
    expect(max['open']).toBe(7)
    await loader.close()
  })

  it.each<[keyof PieceLimits, (loader: ReturnType<typeof createPieceLoader>, one: TestPiece) => Promise<unknown>, 'stat' | 'open' | 'read']>([
    ['metadata', (loader, one) => loader.stat(one.v1), 'stat'],
    ['open', (loader, one) => loader.open(one.v1), 'open'],
    ['stream', async (loader, one) => (await loader.open(one.v1)).read(0, 10), 'read'],
  ])('has %s of its own; 0 is no limit, and a wait ends with its signal', async (limit, call, kind) => {
    for (const [count, wanted] of [[2, 2], [0, 10]] as const) {
      const { source, now, gates } = gated()
      for (const [name, one] of Object.entries(gates)) if (name !== kind) one.open()
      const loader = createPieceLoader([source], { limits: { [limit]: count } })
      const leaving = new AbortController()
      const calls = pieces.slice(0, 10).map((one) => call(loader, one))
      await settle()
      expect(now[kind]).toBe(wanted)
      const late = kind === 'read' ? undefined : kind === 'stat' ? loader.stat(piece.v1, { signal: leaving.signal }) : loader.open(piece.v1, { signal: leaving.signal })
      leaving.abort('left')
      if (late !== undefined) await expect(late).rejects.toBe('left')
      gates[kind].open()
      await Promise.all(calls)
      await loader.close()
    }
  })

  it('L3: 3 - unseals took tokens of storage calls for hours, and stalled every cheap call: here they have slots of their own', async () => {
    const { source, now, gates, max } = gated()
    gates.stat.open()
    gates.open.open()
    gates.read.open()
    source.unsealed = 'sealed'
    const loader = createPieceLoader([source], { limits: { metadata: 1, open: 1, unseal: 3 }, sealed: 'queue' })
    const slow = pieces.slice(0, 10).map(({ v1 }) => loader.open(v1))
    await settle()
    expect(now.unseal).toBe(3)
    // all of them are unsealing or wait for it, and yet
    expect(await loader.stat(pieces[10]!.v1)).toMatchObject({ unsealed: 'sealed' })
    await expect(loader.open(pieces[10]!.v1, { sealed: 'reject' })).rejects.toMatchObject({ code: 'PIECE_SEALED' })
    gates.unseal.open()
    expect(await Promise.all(slow)).toHaveLength(10)
    expect(max['unseal']).toBe(3)
    await loader.close()
  })

  it('L3: 3 - a limit of 0 blocked every call for ever', async () => {
    const loader = createPieceLoader([testSource('a', 0, pieces)], { limits: { metadata: 0, open: 0, stream: 0, unseal: 0, bytesPerSecond: 0 } })
    expect((await loader.stat(piece.v1)).unsealed).toBe('yes')
    expect(await (await loader.open(piece.v1)).read(0, 3)).toEqual(piece.bytes.slice(0, 3))
    await loader.close()
  })

  it('L3: 3 - waiting for the start could not be given up: the ready gate honours aborts, failures and closing', async () => {
    const { promise, open } = gate()
    const source = testSource('a', 0, pieces)
    const loader = createPieceLoader([source], { ready: promise })
    const leaving = new AbortController()
    const waits = [loader.stat(piece.v1, { signal: leaving.signal }), loader.open(piece.v1, { signal: leaving.signal }), loader.explain(piece.v1, { signal: leaving.signal })]
    const stays = loader.open(piece.v1)
    leaving.abort('left')
    for (const wait of waits) await expect(wait).rejects.toBe('left')
    expect(source.opens).toBe(0)
    open()
    await (await stays).close()
    const never = createPieceLoader([source], { ready: new Promise(() => {}) })
    const waiting = never.stat(piece.v1)
    await never.close()
    await expect(waiting).rejects.toMatchObject({ code: 'PIECE_LOADER_CLOSED' })
    await expect(createPieceLoader([source], { ready: Promise.reject(ioError('IO_FAILED')) }).stat(piece.v1)).rejects.toMatchObject({ code: 'IO_FAILED' })
  })

  it('reads no faster than it may', async () => {
    const clock = createFakeClock()
    const big = makePiece(50, 100_000)
    const loader = createPieceLoader([testSource('a', 0, [big])], { limits: { bytesPerSecond: 10_000 }, clock, patienceMs: 0 })
    const source = await loader.open(big.v1)
    await source.read(0, 1000) // in advance
    let done = 0
    const reads = Promise.all([1, 2, 3, 4].map(async (at) => { await source.read(at * 10_000, 10_000); done++ }))
    await settle()
    expect(done).toBeLessThan(2)
    for (let i = 0; i < 6; i++) {
      await clock.advance(1000)
      await settle()
    }
    await reads
    const waiting = new AbortController()
    await source.read(0, 50_000)
    const late = source.read(0, 10, { signal: waiting.signal })
    waiting.abort('left')
    await expect(late).rejects.toBe('left')
    await loader.close()
  })

  it.each<PieceLoaderOptions>([{ limits: { open: -1 } }, { limits: { metadata: 1.5 } }, { limits: { bytesPerSecond: -1 } }, { probeConcurrency: -1 }, { negativeTtlMs: -1 }, { patienceMs: Number.NaN }])('refuses %o', (options) => {
    expect(() => createPieceLoader([], options)).toThrow(RangeError)
  })
})

describe('createSlots', () => {
  it.each([1, 2, 3, 4])('never lets more work than it has slots, and keeps none, whoever leaves when (seed %d)', async (seed) => {
    const random = seededRandom(`slots/${seed}`)
    const slots = createSlots(3)
    let working = 0
    await Promise.allSettled(Array.from({ length: 200 }, async () => {
      const leaving = new AbortController()
      if (random.chance(0.4)) void turn().then(() => { leaving.abort('left') })
      return slots.run(async () => {
        expect(++working).toBeLessThanOrEqual(3)
        for (let i = random.int(3); i >= 0; i--) await turn()
        working--
        if (random.chance(0.2)) throw new Error('failed')
      }, { signal: leaving.signal })
    }))
    expect([working, slots.waiting]).toEqual([0, 0])
    await Promise.all([1, 2, 3].map(() => slots.run(async () => { working++ })))
    expect(working).toBe(3)
  })
})

describe('metrics of a piece loader', () => {
  it('are those that are listed, with their labels', async () => {
    const seen = new Map<PieceMetricName, readonly string[]>()
    const told = (name: PieceMetricName, _?: number, labels: Readonly<Record<string, string>> = {}): void => { seen.set(name, Object.keys(labels)) }
    const { source, gates } = gated()
    for (const one of Object.values(gates)) one.open()
    source.unsealed = 'sealed'
    const broken = testSource('broken', -1, pieces)
    broken.broken = ioError('IO_FAILED', 'never')
    const loader = createPieceLoader([source], { sealed: 'queue', limits: { open: 1 }, metrics: { count: told, observe: told } })
    await Promise.all(pieces.slice(0, 3).map(async ({ v1 }) => (await loader.open(v1)).read(0, 1)))
    await expect(createPieceLoader([broken], { metrics: { count: told, observe: told } }).open(piece.v1)).rejects.toThrow()
    expect([...seen.keys()].sort()).toEqual(Object.keys(PIECE_METRICS).sort())
    for (const [name, labels] of seen) expect(labels).toEqual(PIECE_METRICS[name].labels)
    await loader.close()
  })
})
