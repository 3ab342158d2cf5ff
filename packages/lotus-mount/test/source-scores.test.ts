import { setImmediate as turn } from 'node:timers/promises'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { createPieceLoader } from '../src/index.ts'
import { createSourceScores } from '../src/source-scores.ts'
import { ioError, makePiece, testSource } from './pieces.ts'

const piece = makePiece(1)
const settle = async (): Promise<void> => { for (let i = 0; i < 20; i++) await turn() }

describe('scores of sources', () => {
  it('put one behind others that fails, until that is a while ago', async () => {
    const clock = createFakeClock()
    const scores = createSourceScores(clock, new Map([['local', 0], ['remote', 10]]))
    const order = (): string[] => scores.order(['local', 'remote'], (name) => name)
    expect(order()).toEqual(['local', 'remote'])
    scores.failed('local')
    expect(order()).toEqual(['remote', 'local'])
    expect(scores.score('local')).toMatchObject({ failures: 1, cost: 0, rank: 32 })
    await clock.advance(60_000)
    expect(order()).toEqual(['local', 'remote'])
    for (let i = 0; i < 100; i++) scores.failed('local')
    expect(scores.score('local').rank).toBe(1024)
    scores.worked('local')
    expect(scores.score('local')).toMatchObject({ failures: 0, rank: 512 })
  })

  it('put one behind others that is slow, as much as that costs', async () => {
    const clock = createFakeClock()
    const scores = createSourceScores(clock, new Map([['disk', 0], ['remote', 10]]))
    for (let i = 0; i < 30; i++) {
      scores.took('disk', 5000)
      scores.took('remote', 20)
    }
    expect(scores.order(['disk', 'remote'], (name) => name)).toEqual(['remote', 'disk'])
    expect(scores.score('disk').latencyMs).toBeCloseTo(5000)
    for (let i = 0; i < 30; i++) scores.took('disk', 2)
    expect(scores.order(['disk', 'remote'], (name) => name)).toEqual(['disk', 'remote'])
    for (let i = 0; i < 30; i++) scores.took('disk', 5000)
    await clock.advance(6_000_000) // nobody has asked it since
    expect(scores.order(['disk', 'remote'], (name) => name)).toEqual(['disk', 'remote'])
  })

  it('leave one alone that asked for it, for ten minutes at most', async () => {
    const clock = createFakeClock()
    const scores = createSourceScores(clock, new Map([['local', 0], ['remote', 10]]))
    scores.pause('local', 999_999_999_000)
    expect(scores.score('local').rank).toBe(Infinity)
    await clock.advance(600_000)
    expect(scores.order(['remote', 'local'], (name) => name)).toEqual(['local', 'remote'])
  })

  it('call one down that failed again and again for a minute, until it answers', async () => {
    const clock = createFakeClock()
    const scores = createSourceScores(clock, new Map([['a', 0]]))
    for (let i = 0; i < 100; i++) scores.failed('a') // at once: many pieces, one moment
    expect(scores.isDown('a')).toBe(false)
    await clock.advance(60_000)
    expect(scores.isDown('a')).toBe(true)
    scores.took('a', 5)
    expect(scores.isDown('a')).toBe(false)
    scores.failed('a')
    await clock.advance(60_000)
    expect(scores.isDown('a')).toBe(false)
  })

  it('are those of the loader, and decide whom it asks first', async () => {
    const clock = createFakeClock()
    const [near, far] = [testSource('near', 0, [piece]), testSource('far', 10, [piece])]
    const loader = createPieceLoader([near, far], { clock, patienceMs: 0 })
    near.broken = ioError('IO_FAILED')
    await (await loader.open(piece.v1)).close()
    near.broken = undefined
    await (await loader.open(piece.v1)).close()
    expect([near.opens, far.opens]).toEqual([0, 2])
    expect(loader.scores().map(({ name, failures }) => [name, failures])).toEqual([['far', 0], ['near', 1]])
    await clock.advance(300_000)
    await (await loader.open(piece.v1)).close()
    expect([near.opens, far.opens]).toEqual([1, 2])
    await loader.close()
  })

  it('tell sources of one name apart', async () => {
    const twins = [testSource('a', 0, [piece]), testSource('a', 0, [piece])]
    twins[0]!.broken = ioError('IO_FAILED')
    const loader = createPieceLoader(twins)
    await (await loader.open(piece.v1)).close()
    expect(loader.scores().map(({ name, failures }) => [name, failures])).toEqual([['a (2)', 0], ['a', 1]])
    expect(await loader.explain(piece.v1)).toBe('a (2): there; a: test')
    await loader.close()
  })
})

describe('several sources of a piece', () => {
  it('are asked one alone, then the others at once, so many as may be, and what comes too late is closed', async () => {
    const sources = ['a', 'b', 'c', 'd', 'e'].map((name, cost) => testSource(name, cost, [piece]))
    sources[0]!.unsealed = 'sealed'
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => { release = resolve })
    let asked = ''
    for (const source of sources) {
      const { open } = source
      source.open = async (...call) => {
        asked += source.name
        if (source.name !== 'a') await gate
        return open(...call)
      }
    }
    const loader = createPieceLoader(sources, { probeConcurrency: 3 })
    const opening = loader.open(piece.v1)
    await settle()
    expect(asked).toBe('abcd')
    release()
    const opened = await opening
    expect(opened.cost.seekBytes).toBe(1)
    await settle()
    expect(sources.map(({ openNow }) => openNow)).toEqual([0, 1, 0, 0, 0])
    await opened.close()
    expect(sources.every(({ openNow }) => openNow === 0)).toBe(true)
    await loader.close()
  })

  it('are not waited for longer than patience lasts', async () => {
    const clock = createFakeClock()
    const [hung, far] = [testSource('hung', 0, [piece]), testSource('far', 1, [piece])]
    hung.gate = new Promise(() => {})
    const loader = createPieceLoader([hung, far], { clock, patienceMs: 1000 })
    const opening = loader.open(piece.v1)
    await settle()
    await clock.advance(1000)
    const opened = await opening
    expect(opened.cost.seekBytes).toBe(1)
    await opened.close()
    await loader.close()
  })

  it('keep no slot of the limit on openings when they hang and another has the piece', async () => {
    const clock = createFakeClock()
    const [hung, far] = [testSource('hung', 0, [piece]), testSource('far', 1, [piece])]
    let hanging = 0
    hung.open = (_, options) => new Promise((__, reject) => {
      hanging++
      options!.signal!.addEventListener('abort', () => { hanging--; reject(options!.signal!.reason) })
    })
    const loader = createPieceLoader([hung, far], { clock, patienceMs: 1000, limits: { open: 2 } })
    for (let i = 0; i < 5; i++) {
      const opening = loader.open(piece.v1)
      await settle()
      await clock.advance(1000)
      await (await opening).close()
      await settle()
      expect(hanging).toBe(0)
      await clock.advance(3_600_000)
    }
    await loader.close()
  })

  it('that keep no records are told the sizes that others know', async () => {
    const records = testSource('records', 0, [])
    records.sizes = async () => ({ pieceBytes: 4064, payloadBytes: 1500 })
    const server = testSource('server', 1, [])
    const told: unknown[] = []
    server.open = async (_, options) => { told.push([options?.pieceBytes, options?.payloadBytes]); return undefined }
    server.stat = async (_, options) => { told.push([options?.pieceBytes, options?.payloadBytes]); return undefined }
    const loader = createPieceLoader([records, server])
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
    expect(told).toEqual([[4064, 1500], [4064, 1500]])
    records.sizes = async () => { throw ioError('IO_FAILED') }
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
    expect(told[2]).toEqual([undefined, undefined])
    await loader.close()
  })

  it('that do not say whether they have a piece have failed when patience ends', async () => {
    const clock = createFakeClock()
    const [hung, far] = [testSource('hung', 0, [piece]), testSource('far', 1, [piece])]
    hung.stat = (_, options) => new Promise((__, reject) => { options!.signal!.addEventListener('abort', () => { reject(options!.signal!.reason) }) })
    const alone = createPieceLoader([hung], { clock, patienceMs: 1000 })
    const waiting = alone.stat(piece.v1)
    await settle()
    await clock.advance(1000)
    await expect(waiting).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later' })
    const both = createPieceLoader([hung, far], { clock, patienceMs: 1000 })
    const second = both.stat(piece.v1)
    await settle()
    await clock.advance(1000)
    expect(await second).toMatchObject({ unsealed: 'yes' })
    await Promise.all([alone.close(), both.close()])
  })

  it('that fail to say whether they have a piece come behind others', async () => {
    const [near, far] = [testSource('near', 0, [piece]), testSource('far', 10, [piece])]
    near.stat = async () => { throw ioError('IO_FAILED') }
    const loader = createPieceLoader([near, far])
    expect(await loader.stat(piece.v1)).toMatchObject({ unsealed: 'yes' })
    expect(loader.scores().map(({ name, failures }) => [name, failures])).toEqual([['far', 0], ['near', 1]])
    await loader.close()
  })
})
