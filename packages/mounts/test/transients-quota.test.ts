/** Room for copies: quota, watermarks, who waits, who goes. */
import { type ByteSource, createMemoryDirectory, type Directory, IoError } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { openTransients, type Transients, transientName } from '../src/index.ts'
import { bytesOf, createTape, filesIn, gate, settle, type Tape } from './tape.ts'

const SIZE = 10_000
/** A copy with its trailer takes a little more than its bytes. */
const FILE = SIZE + 200

const openAt = (directory: Directory, copies: number, more: Partial<Parameters<typeof openTransients>[0]> = {}): Promise<Transients> =>
  openTransients({ directory, quotaBytes: copies * FILE, highWatermark: 1, lowWatermark: 1, ...more })

const open = (transients: Transients, tape: Tape, key: string, signal?: AbortSignal): Promise<ByteSource> => transients.open(tape.mount, { key, generation: 1, signal })
const fetchOnce = async (transients: Transients, tape: Tape, key: string): Promise<void> => { await (await open(transients, tape, key)).close() }
const copiesIn = async (directory: Directory, keys: readonly string[]): Promise<string[]> => {
  const names = await filesIn(directory)
  return keys.filter((key) => names.includes(transientName(key, 1)))
}

describe('a quota of copies', () => {
  it('gives up the copies used longest ago, down to the low watermark, once the high one is passed', async () => {
    const directory = createMemoryDirectory()
    const transients = await openAt(directory, 10, { highWatermark: 0.9, lowWatermark: 0.5 })
    const tape = createTape(bytesOf(SIZE))
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']
    for (const key of keys.slice(0, 9)) await fetchOnce(transients, tape, key)
    expect((await transients.usage()).copies).toBe(9)
    await fetchOnce(transients, tape, 'a') // used again
    expect(tape.starts).toHaveLength(9)
    await fetchOnce(transients, tape, 'j')
    expect(await copiesIn(directory, keys)).toEqual(['a', 'g', 'h', 'i', 'j'])
    expect((await transients.usage()).bytes).toBeLessThanOrEqual(5 * FILE)
    await transients.close()
  })

  it('does not take for used what is only looked at', async () => {
    const directory = createMemoryDirectory()
    const transients = await openAt(directory, 3)
    const tape = createTape(bytesOf(SIZE))
    for (const key of ['a', 'b', 'c']) await fetchOnce(transients, tape, key)
    await (await transients.open(tape.mount, { key: 'a', generation: 1, noDownload: true })).close()
    await fetchOnce(transients, tape, 'd')
    expect(await copiesIn(directory, ['a', 'b', 'c', 'd'])).toEqual(['b', 'c', 'd'])
    await transients.close()
  })

  it('keeps the order of use over a restart; where the file of it is lost, names decide', async () => {
    for (const lost of [false, true]) {
      const directory = createMemoryDirectory()
      const tape = createTape(bytesOf(SIZE))
      const first = await openAt(directory, 3)
      for (const key of ['a', 'b', 'c']) await fetchOnce(first, tape, key)
      await fetchOnce(first, tape, 'a')
      await first.close()
      if (lost) await directory.writeAtomic('transients.json', [new TextEncoder().encode('{"dagstore-transients":1,"order":"')])
      const next = await openAt(directory, 3)
      expect(await next.sizeOf('a')).toBe(lost ? undefined : (await directory.stat(transientName('a', 1)))?.sizeBytes)
      await fetchOnce(next, tape, 'd')
      const byName = ['a', 'b', 'c'].sort((x, y) => transientName(x, 1) < transientName(y, 1) ? -1 : 1)
      expect(await copiesIn(directory, ['a', 'b', 'c'])).toEqual(['a', 'b', 'c'].filter((key) => key !== (lost ? byName[0] : 'b')))
      await next.close()
    }
  })

  it('never deletes what is open: who needs room waits, in the order of coming, and may leave', async () => {
    const directory = createMemoryDirectory()
    let waits = 0
    const transients = await openAt(directory, 2, { onWait: () => { waits++ } })
    const tape = createTape(bytesOf(SIZE))
    const [a, b] = [await open(transients, tape, 'a'), await open(transients, tape, 'b')]
    const order: string[] = []
    const leaving = new AbortController()
    const c = open(transients, tape, 'c', leaving.signal)
    await settle()
    const d = open(transients, tape, 'd').then((source) => { order.push('d'); return source })
    await settle()
    const e = open(transients, tape, 'e').then((source) => { order.push('e'); return source })
    await settle()
    const told: string[] = []
    const late = new AbortController()
    const joined = ['b', 'd'].map((key) => transients.open(tape.mount, { key, generation: 1, signal: late.signal, onWait: () => { told.push(key) } }))
    await settle()
    expect(told).toEqual(['d'])
    late.abort('late')
    await Promise.allSettled(joined).then(([of]) => of?.status === 'fulfilled' ? of.value.close() : undefined)
    expect([transients.waiting, (await transients.usage()).waiting]).toEqual([3, 3])
    expect(waits).toBeGreaterThan(0)
    expect(tape.starts).toHaveLength(2)
    leaving.abort('left')
    await expect(c).rejects.toBe('left')
    await a.close()
    const opened = await d
    await settle()
    expect(order).toEqual(['d'])
    expect(await b.read(0, 3)).toEqual(tape.bytes.slice(0, 3))
    await opened.close()
    await b.close()
    await (await e).close()
    expect(order).toEqual(['d', 'e'])
    expect(await copiesIn(directory, ['a', 'b', 'c', 'd', 'e'])).toHaveLength(2)
    expect(await transients.usage()).toMatchObject({ reservedBytes: 0, pinnedBytes: 0, waiting: 0 })
    await transients.close()
  })

  it('refuses at once what is larger than the whole quota', async () => {
    const transients = await openAt(createMemoryDirectory(), 1)
    const tape = createTape(bytesOf(3 * SIZE))
    await expect(open(transients, tape, 'a')).rejects.toMatchObject({ code: 'IO_FULL', retry: 'never' })
    expect(tape.starts).toEqual([])
    expect(await transients.usage()).toMatchObject({ bytes: 0, reservedBytes: 0 })
  })

  it('reserves step by step where nobody knows the length, and by memory the next time', async () => {
    const transients = await openAt(createMemoryDirectory(), 4, { reserveBytes: 3000 })
    const tape = createTape(bytesOf(SIZE))
    tape.identity = undefined
    tape.sizeBytes = undefined
    const reserved: number[] = []
    tape.before = async () => { reserved.push((await transients.usage()).reservedBytes) }
    await fetchOnce(transients, tape, 'a')
    expect(reserved.slice(0, 5)).toEqual([3000, 2000, 1000, 0, 2000])
    await transients.remove('a', 1)
    reserved.length = 0
    await fetchOnce(transients, tape, 'a')
    expect(reserved[0]).toBeGreaterThan(SIZE)
    expect(await transients.usage()).toMatchObject({ reservedBytes: 0 })
    await transients.close()
  })

  it('lets one of two that both need more go on, when nobody else can make room', async () => {
    const transients = await openAt(createMemoryDirectory(), 1, { reserveBytes: 4000 })
    const tapes = ['x', 'y'].map((name) => {
      const tape = createTape(bytesOf(9000), name)
      tape.identity = undefined
      tape.sizeBytes = undefined
      return tape
    })
    const results = await Promise.allSettled(tapes.map((tape, at) => open(transients, tape, `k${at}`)))
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'IO_FULL', retry: 'later' })
      else await result.value.close()
    }
    expect(await transients.usage()).toMatchObject({ reservedBytes: 0, waiting: 0, copies: 1 })
    await transients.close()
  })

  it('serves many readers of more shards than there is room for, and leaks nothing', async () => {
    const directory = createMemoryDirectory()
    const transients = await openAt(directory, 5)
    const tapes = Array.from({ length: 20 }, (_, at) => createTape(bytesOf(SIZE, at), String(at)))
    let most = 0
    await Promise.all(Array.from({ length: 160 }, async (_, reader) => {
      for (let round = 0; round < 3; round++) {
        const at = (reader * 7 + round * 3) % tapes.length
        const source = await open(transients, tapes[at]!, String(at))
        expect(await source.read(at, 10)).toEqual(tapes[at]!.bytes.slice(at, at + 10))
        most = Math.max(most, (await transients.usage()).bytes)
        await source.close()
      }
    }))
    expect(most).toBeLessThanOrEqual(5 * FILE)
    const usage = await transients.usage()
    expect(usage).toMatchObject({ reservedBytes: 0, pinnedBytes: 0, waiting: 0 })
    let onDisk = 0
    for (const name of await filesIn(directory)) if (name !== 'transients.json') onDisk += (await directory.stat(name))!.sizeBytes
    expect(usage.bytes).toBe(onDisk)
    await transients.close()
  })

  it('is checked when it is set', async () => {
    const directory = createMemoryDirectory()
    for (const bad of [{ quotaBytes: 0 }, { quotaBytes: 1.5 }, { highWatermark: 1.1 }, { lowWatermark: 0.95 }, { reserveBytes: 0 }]) {
      await expect(openTransients({ directory, ...bad })).rejects.toBeInstanceOf(RangeError)
    }
  })
})

describe('closing', () => {
  it('ends copying and waiting, refuses what comes later, and leaves open sources alone', async () => {
    const transients = await openAt(createMemoryDirectory(), 2)
    const tape = createTape(bytesOf(SIZE))
    const kept = await open(transients, tape, 'a')
    const never = gate()
    const hanging = createTape(bytesOf(SIZE), 'h')
    hanging.before = () => never.passed
    const fetching = open(transients, hanging, 'b')
    await settle()
    const waiting = open(transients, tape, 'c')
    await settle()
    const ends = [expect(fetching).rejects.toMatchObject({ code: 'IO_CLOSED' }), expect(waiting).rejects.toMatchObject({ code: 'IO_CLOSED' })]
    await transients.close()
    await Promise.all(ends)
    expect(await kept.read(0, 1)).toEqual(tape.bytes.slice(0, 1))
    await kept.close()
    await expect(open(transients, tape, 'd')).rejects.toBeInstanceOf(IoError)
    await transients.close()
  })
})
