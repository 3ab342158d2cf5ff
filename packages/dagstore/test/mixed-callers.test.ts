/** Hundreds of callers of every kind at one shard: each is answered, in an order that makes sense, and nothing stays behind. */
import { createFakeClock, seededRandom } from '@dagstore-tooling/testkit'
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import type { Dagstore, DagstoreEvent } from '../src/index.ts'
import { carWithData, codeOf, makeCar, namesIn, openHarness } from './harness.ts'

const SEEDS = process.env['DAGSTORE_LONG'] === undefined ? 12 : 400
const CALLERS = 256
const KEY = 'k'
const cars = [makeCar(1), carWithData(makeCar(1), 40)] as const

/** What a call may be answered with, other than success. */
const ALLOWED: ReadonlySet<unknown> = new Set([
  'left', 'DAGSTORE_SHARD_ERRORED', 'DAGSTORE_SHARD_UNKNOWN', 'DAGSTORE_SHARD_DESTROYED', 'DAGSTORE_NOT_ERRORED', 'DAGSTORE_REFRESH_FAILED',
  'DAGSTORE_SHARD_EXISTS', 'DAGSTORE_NOT_LOCAL', 'DAGSTORE_CLOSED', 'BLOCKSTORE_CLOSED', 'BLOCKSTORE_NOT_FOUND', 'BLOCKSTORE_UNREADABLE', 'IO_SOURCE_CHANGED',
])

type Caller = (store: Dagstore, signal: AbortSignal) => Promise<unknown>

const read: Caller = async (store, signal) => {
  const lease = await store.acquire(KEY, { signal, registerAs: 'test:k' })
  try {
    // of one version, whichever it is
    const [root] = lease.roots
    const block = cars.flatMap(({ blocks }) => blocks).find(({ cid }) => cid.equals(root!))!
    expect(await lease.blockstore.bytes(block.cid)).toEqual(block.data)
  } finally {
    await lease.close()
  }
}

const KINDS: readonly Caller[] = [
  read, read, read,
  (store, signal) => store.acquire(KEY, { signal, priority: 'background', noDownload: true }).then((lease) => lease.close()),
  (store, signal) => store.register(KEY, 'test:k', { signal }),
  (store, signal) => store.register(KEY, 'test:k', { signal, indexing: 'eager' }),
  (store, signal) => store.initialize(KEY, { signal }),
  (store, signal) => store.recover(KEY, { signal }),
  (store, signal) => store.refresh(KEY, { signal }),
  (store, signal) => store.refresh(KEY, { signal, mount: 'test:moved' }).then(() => store.refresh(KEY, { signal, mount: 'test:k' })),
  (store, signal) => store.shard(KEY, { signal }),
  (store, signal) => store.gc({ signal }),
  (store, signal) => store.blockstore.bytes(cars[0].blocks[1]!.cid, { signal }),
]
const DESTROYERS: readonly Caller[] = [(store, signal) => store.destroy(KEY, { signal }), (store, signal) => store.destroy(KEY, { signal, mode: 'force' })]

describe('callers of every kind at one shard', () => {
  it.each(Array.from({ length: SEEDS }, (_, seed) => seed))('are all answered, and leave nothing behind; seed %i', async (seed) => {
    const random = seededRandom(`mixed ${seed}`)
    const clock = createFakeClock()
    const h = await openHarness({ clock })
    const access = random.chance(0.5) ? 'random' : 'sequential'
    for (const name of ['k', 'moved']) {
      const place = h.sources.place(name)
      h.sources.put(name, cars[0], { access })
      place.before = async (step) => {
        for (let turns = random.int(6); turns > 0; turns--) await new Promise((resolve) => { setImmediate(resolve) })
        if (step === 'open' && random.chance(0.1)) throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' })
        if (random.chance(0.02)) {
          place.version++
          place.bytes = cars[place.version % 2]!.bytes
        }
      }
    }
    const kinds = random.chance(0.5) ? KINDS : [...KINDS, ...DESTROYERS]
    let answered = 0
    const calls = Array.from({ length: CALLERS }, async () => {
      for (let turns = random.int(40); turns > 0; turns--) await new Promise((resolve) => { setImmediate(resolve) })
      const leaving = new AbortController()
      const call = kinds[random.int(kinds.length)]!(h.store, leaving.signal).catch((error: unknown) => {
        if (!ALLOWED.has(codeOf(error))) throw error
      })
      call.catch(() => {}) // it is looked at below
      if (random.chance(0.2)) {
        for (let turns = random.int(8); turns > 0; turns--) await new Promise((resolve) => { setImmediate(resolve) })
        leaving.abort('left')
      }
      await call
      answered++
    })
    for (const call of calls) call.catch(() => {}) // they are looked at below
    const closing = random.chance(0.5)
    if (closing) {
      for (let turns = random.int(60); turns > 0; turns--) await new Promise((resolve) => { setImmediate(resolve) })
      await h.store.close()
      const before = h.events.length
      await Promise.all(calls)
      expect(h.events.length, 'events after the end').toBe(before)
    } else {
      await Promise.all(calls)
      const info = await h.store.shard(KEY)
      expect((info?.leases ?? 0), 'leases').toBeLessThanOrEqual(1) // the one that is kept for speed
      if (info !== undefined) await h.store.destroy(KEY)
      expect((await namesIn(h.files)).filter((name) => name !== 'transients/transients.json'), 'files').toEqual([])
      await h.store.close()
    }
    expect(answered).toBe(CALLERS)
    expect(h.sources.open, 'sources left open').toBe(0)
    expect(clock.sleeping, 'sleeps left').toBe(0)
    isChain(h.events)
    expect(h.events.filter(({ type }) => type === 'unsaved' || type === 'ignored')).toEqual([])
  })
})

/** Each change of health begins where the one before has ended. */
const isChain = (events: readonly DagstoreEvent[]): void => {
  let at: string | undefined
  for (const event of events) {
    if (event.type !== 'health') continue
    expect(event.from).toBe(at)
    expect(event.to).not.toBe(at)
    at = event.to
  }
}
