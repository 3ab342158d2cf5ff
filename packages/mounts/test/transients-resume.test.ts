/** Copies that had to stop: gone on with, or begun anew, never believed without cause. */
import { createHash } from 'node:crypto'
import { type ByteSource, createMemoryDirectory, type Directory, IoError } from '@dagstore/io'
import { createCrashFs, everyCrash } from '@dagstore-tooling/testkit'
import { CID } from 'multiformats/cid'
import { create as createMultihash } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { digestChecker, type InTurn, openTransients, type Transients, transientName } from '../src/index.ts'
import { bytesOf, createTape, filesIn, gate, settle, type Tape } from './tape.ts'

const SIZE = 10_000
const BYTES = bytesOf(SIZE)
const lost = new IoError('IO_SOURCE_LOST', 'test', { retry: 'later' })
const checker = digestChecker({ 0x12: () => createHash('sha256') })
const contentOf = (bytes: Uint8Array): string => CID.createV1(0x55, createMultihash(0x12, createHash('sha256').update(bytes).digest())).toString()

const open = (transients: Transients, tape: Tape, signal?: AbortSignal): Promise<ByteSource> => transients.open(tape.mount, { key: 'k', generation: 1, signal })
const wholeOf = async (source: ByteSource): Promise<Uint8Array> => {
  const bytes = await source.read(0, source.sizeBytes)
  await source.close()
  return bytes
}
const failAt = (at: number) => (now: number): void => { if (now >= at) throw lost }

/** A directory in which a copy stopped at 4000, in a process that is gone. */
const stopped = async (tape: Tape, directory: Directory = createMemoryDirectory()): Promise<Directory> => {
  const transients = await openTransients({ directory, checker })
  tape.before = failAt(4000)
  await expect(open(transients, tape)).rejects.toBe(lost)
  tape.before = () => {}
  await transients.close()
  return directory
}

describe('a copy that had to stop', () => {
  it('is gone on with after a restart, when the mount can be resumed and has the same bytes', async () => {
    const tape = createTape(BYTES)
    const transients = await openTransients({ directory: await stopped(tape) })
    expect(await transients.usage()).toMatchObject({ copies: 0 })
    expect((await transients.usage()).bytes).toBeGreaterThanOrEqual(4000)
    const progress: number[] = []
    const source = await transients.open(tape.mount, { key: 'k', generation: 1, onProgress: ({ doneBytes }) => { progress.push(doneBytes) } })
    expect(await wholeOf(source)).toEqual(BYTES)
    expect(tape.starts).toEqual([0, 4000])
    expect(progress[0]).toBe(5000)
    await transients.close()
  })

  it.each([
    { why: 'the mount has another version', change: (tape: Tape) => { tape.identity = { kind: 'version', tag: '"other"', sizeBytes: SIZE }; tape.bytes = bytesOf(SIZE, 9) } },
    { why: 'the mount cannot be resumed any more', change: (tape: Tape) => { tape.resumable = false } },
    { why: 'the mount does not say what it has', change: (tape: Tape) => { tape.identity = undefined } },
  ])('is begun anew when $why', async ({ change }) => {
    const tape = createTape(BYTES)
    const directory = await stopped(tape)
    change(tape)
    const transients = await openTransients({ directory })
    expect(await wholeOf(await open(transients, tape))).toEqual(tape.bytes)
    expect(tape.starts).toEqual([0, 0])
    expect(await filesIn(directory)).toEqual([transientName('k', 1)])
    await transients.close()
  })

  it.each([
    { why: 'its record is damaged', damage: async (directory: Directory) => directory.writeAtomic(transientName('k', 1).replace('.transient', '.progress'), [Uint8Array.of(123)]) },
    { why: 'it is shorter than its record says', damage: async (directory: Directory) => directory.writeAtomic(transientName('k', 1).replace('.transient', '.partial'), [bytesOf(10)]) },
  ])('is not believed when $why', async ({ damage }) => {
    const tape = createTape(BYTES)
    const directory = await stopped(tape)
    await damage(directory)
    const transients = await openTransients({ directory })
    expect(await wholeOf(await open(transients, tape))).toEqual(BYTES)
    expect(tape.starts).toEqual([0, 0])
    await transients.close()
  })

  it('goes on from where the last caller left', async () => {
    const directory = createMemoryDirectory()
    const transients = await openTransients({ directory })
    const tape = createTape(BYTES)
    const leaving = new AbortController()
    tape.before = (at) => { if (at === 6000) leaving.abort('left') }
    await expect(open(transients, tape, leaving.signal)).rejects.toBe('left')
    tape.before = () => {}
    expect(await wholeOf(await open(transients, tape))).toEqual(BYTES)
    expect(tape.starts).toEqual([0, 6000])
    await transients.close()
  })

  it('is the first to go when room is needed', async () => {
    const tape = createTape(BYTES)
    const directory = await stopped(tape)
    const transients = await openTransients({ directory, quotaBytes: 14_000, highWatermark: 1, lowWatermark: 1 })
    await (await transients.open(createTape(BYTES, 'other').mount, { key: 'other', generation: 1 })).close()
    expect((await filesIn(directory)).filter((name) => name !== 'transients.json')).toEqual([transientName('other', 1)])
    await transients.close()
  })
})

describe('the hash of a copy', () => {
  const tapeOf = (bytes: Uint8Array, said: Uint8Array = bytes): Tape => {
    const tape = createTape(bytes)
    tape.identity = { kind: 'content', cid: contentOf(said), sizeBytes: bytes.byteLength }
    return tape
  }

  it('D25: is checked while it comes; what is not right is not kept', async () => {
    const directory = createMemoryDirectory()
    const transients = await openTransients({ directory, checker })
    const wrong = tapeOf(bytesOf(SIZE, 1), BYTES)
    await expect(open(transients, wrong)).rejects.toMatchObject({ code: 'MOUNT_HASH_MISMATCH', retry: 'later' })
    expect(await filesIn(directory)).toEqual([])
    expect(await wholeOf(await open(transients, tapeOf(BYTES)))).toEqual(BYTES)
    await transients.close()
  })

  it('D25: covers what an earlier process has copied', async () => {
    for (const damage of [false, true]) {
      const tape = tapeOf(BYTES)
      const directory = await stopped(tape)
      if (damage) {
        const file = await directory.openWritable(transientName('k', 1).replace('.transient', '.partial'), 'open')
        await file.write(17, Uint8Array.of(1, 2, 3))
        await file.close()
      }
      const transients = await openTransients({ directory, checker })
      const opening = open(transients, tape)
      if (damage) await expect(opening).rejects.toMatchObject({ code: 'MOUNT_HASH_MISMATCH' })
      else expect(await wholeOf(await opening)).toEqual(BYTES)
      expect(tape.starts).toEqual([0, 4000])
      await transients.close()
    }
  })
})

describe('several who ask for one copy', () => {
  it('abort nothing when they leave what has ended', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const tape = createTape(BYTES)
    let given: AbortSignal | undefined
    tape.before = (_, signal) => { given = signal }
    for (const source of await Promise.all([open(transients, tape), open(transients, tape)])) await source.close()
    await settle()
    expect(given?.aborted).toBe(false)
    await transients.close()
    expect(given?.aborted).toBe(false)
  })

  it('wait for the turn that the first of them is given, for as long as one waits; where a copy is there, no turn is asked for', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const tape = createTape(BYTES)
    const turn = gate()
    const signals: AbortSignal[] = []
    const inTurn: InTurn = async (copy, signal) => {
      signals.push(signal)
      await turn.passed
      return copy()
    }
    const leaving = new AbortController()
    const first = transients.open(tape.mount, { key: 'k', generation: 1, inTurn, signal: leaving.signal })
    const second = open(transients, tape)
    await settle()
    expect(tape).toMatchObject({ opens: 1, starts: [] })
    expect((await transients.usage()).reservedBytes).toBe(0)
    leaving.abort('left')
    await expect(first).rejects.toBe('left')
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    turn.open()
    expect(await wholeOf(await second)).toEqual(BYTES)
    await (await transients.open(tape.mount, { key: 'k', generation: 1, inTurn })).close()
    expect([signals.length, tape.starts]).toEqual([1, [0]])
    const alone = new AbortController()
    const third = transients.open(tape.mount, { key: 'other', generation: 1, inTurn: async (copy, signal) => {
      alone.abort('alone')
      await settle()
      expect(signal.aborted).toBe(true)
      return copy()
    }, signal: alone.signal })
    await expect(third).rejects.toBe('alone')
    await settle()
    expect((await transients.usage()).copies).toBe(1)
    await transients.close()
  })

  it('D2: share one fetch, which goes on when the first of them leaves, and ends when the last does', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const tape = createTape(BYTES)
    const held = gate()
    let aborted = false
    tape.before = async (at, signal) => {
      if (at === 0) signal?.addEventListener('abort', () => { aborted = true })
      if (at === 3000) await held.passed
    }
    const leaving = [new AbortController(), new AbortController()]
    const [first, second] = leaving.map(({ signal }) => open(transients, tape, signal))
    const third = open(transients, tape)
    await settle()
    leaving[0]!.abort('one')
    await expect(first).rejects.toBe('one')
    leaving[1]!.abort('two')
    await expect(second).rejects.toBe('two')
    expect(aborted).toBe(false)
    held.open()
    expect(await wholeOf(await third)).toEqual(BYTES)
    expect(tape).toMatchObject({ opens: 1, starts: [0] })
    await transients.close()
  })

  it('D2: 256 at once are one fetch', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const tape = createTape(BYTES)
    const sources = await Promise.all(Array.from({ length: 256 }, () => open(transients, tape)))
    expect(tape).toMatchObject({ opens: 1, starts: [0] })
    expect((await transients.usage()).pinnedBytes).toBeGreaterThan(SIZE)
    await Promise.all(sources.map((source) => source.close()))
    expect((await transients.usage()).pinnedBytes).toBe(0)
    await transients.close()
  })

  it('D1: share its failure, which is forgotten at once', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const tape = createTape(BYTES)
    tape.before = failAt(0)
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => open(transients, tape)))
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: lost })
    tape.before = () => {}
    expect(await wholeOf(await open(transients, tape))).toEqual(BYTES)
    await transients.close()
  })

  it('are not held up by a mount that never ends and does not listen, once nobody waits for it', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const tape = createTape(BYTES)
    const never = gate()
    tape.before = () => never.passed
    const leaving = new AbortController()
    const hanging = open(transients, tape, leaving.signal)
    await settle()
    leaving.abort('left')
    await expect(hanging).rejects.toBe('left')
    tape.before = () => {}
    expect(await wholeOf(await open(transients, tape))).toEqual(BYTES)
    await transients.close()
  })

  it('and want no download are told so at once, while another downloads', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const tape = createTape(BYTES)
    const held = gate()
    tape.before = () => held.passed
    const fetching = open(transients, tape)
    await settle()
    await expect(transients.open(tape.mount, { key: 'k', generation: 1, noDownload: true })).rejects.toMatchObject({ code: 'MOUNT_NOT_LOCAL' })
    held.open()
    await (await fetching).close()
    expect(await wholeOf(await transients.open(tape.mount, { key: 'k', generation: 1, noDownload: true }))).toEqual(BYTES)
    expect(tape.starts).toEqual([0])
    await transients.close()
  })
})

describe('a copy cut off or refused by the disk at any operation', () => {
  it('D25: is whole or none, and what is gone on with is right (seed resume)', async () => {
    const cuts = await everyCrash({
      seed: 'resume',
      run: async ({ fs }) => {
        const transients = await openTransients({ directory: fs.directory, quotaBytes: 100_000 })
        const tape = createTape(BYTES)
        tape.before = failAt(7000)
        await open(transients, tape).catch(() => {})
        tape.before = () => {}
        await (await open(transients, tape)).close()
        await transients.remove('k', 1)
        await (await open(transients, tape)).close()
        await transients.collect()
        await transients.close()
      },
      check: async ({ fs }) => {
        const transients = await openTransients({ directory: fs.directory, quotaBytes: 100_000, checker })
        const tape = createTape(BYTES)
        expect(await wholeOf(await open(transients, tape))).toEqual(BYTES)
        await transients.collect()
        expect(fs.names().filter((name) => name !== 'transients.json')).toEqual([])
        expect(await transients.usage()).toMatchObject({ bytes: 0, reservedBytes: 0, copies: 0 })
        await transients.close()
      },
    })
    expect(cuts).toBeGreaterThan(30)
  })

  it.each([
    { error: new IoError('IO_FULL', 'ENOSPC', { retry: 'later' }) },
    { error: new IoError('IO_FAILED', 'EIO') },
  ])('tells $error.message, counts right, and works when the disk does again', async ({ error }) => {
    const run = async (fs: ReturnType<typeof createCrashFs>): Promise<boolean> => {
      const transients = await openTransients({ directory: fs.directory, quotaBytes: 100_000 })
      const tape = createTape(BYTES)
      try {
        let failures = 0
        for (let round = 0; round < 2; round++) {
          const failure = await open(transients, tape).then((source) => source.close(), (thrown: unknown) => thrown)
          if (failure !== undefined) expect(failure).toBe(error)
          if (failure !== undefined) failures++
        }
        expect(await wholeOf(await open(transients, tape))).toEqual(BYTES)
        const { bytes } = await transients.usage()
        expect(bytes).toBe(fs.names().filter((name) => name !== 'transients.json').reduce((sum, name) => sum + fs.content(name)!.byteLength, 0))
        return failures > 0
      } finally {
        await transients.close()
      }
    }
    let failed = 0
    for (let at = 0; at < 40; at++) {
      const fs = createCrashFs({ seed: `fault ${at}` })
      fs.faults.failAt(at, error)
      if (await run(fs)) failed++
    }
    expect(failed).toBeGreaterThan(15)
  })
})
