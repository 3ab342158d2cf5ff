import { createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import { BlockNotFoundError, BlockstoreError } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createPatience, type UnindexedOptions } from '../src/unindexed.ts'

const cid = CID.parse('bafkqaaa')
const miss = (unindexedShards: number): BlockNotFoundError => new BlockNotFoundError(cid, { unindexedShards })

interface Opened {
  readonly clock: FakeClock
  /** A request of its own. */
  readonly asker: () => { readonly find: <T>(find: () => Promise<T>) => Promise<T>, readonly leave: (reason: unknown) => void }
}

const opened = (options: UnindexedOptions = {}): Opened => {
  const clock = createFakeClock()
  const patience = createPatience(options, clock)
  return {
    clock,
    asker: () => {
      const leaving = new AbortController()
      return { find: patience({ signal: leaving.signal }), leave: (reason) => { leaving.abort(reason) } }
    },
  }
}

describe('patience', () => {
  it('does nothing for what is there, is proven absent, or cannot be read', async () => {
    const { clock, asker } = opened()
    expect(await asker().find(async () => 1)).toBe(1)
    for (const error of [miss(0), new BlockstoreError('BLOCKSTORE_UNREADABLE', 'x')]) {
      let looks = 0
      await expect(asker().find(async () => { looks++; throw error })).rejects.toBe(error)
      expect(looks).toBe(1)
    }
    expect(clock.sleeping).toBe(0)
  })

  it('looks again after growing pauses until the time of the request is used up', async () => {
    const { clock, asker } = opened({ waitMs: 10_000 })
    const looks: number[] = []
    const found = asker().find(async () => {
      looks.push(clock.monotonic())
      throw miss(3)
    })
    const refused = expect(found).rejects.toMatchObject({ code: 'GATEWAY_UNINDEXED', status: 503, retryAfterS: 10, cause: { unindexedShards: 3 } })
    await clock.advance(20_000)
    await refused
    expect(looks).toEqual([0, 0, 100, 300, 700, 1500, 3100, 5100, 7100, 9100, 10_000])
    expect(clock.sleeping).toBe(0)
  })

  it('ends when the block comes, and when it is proven absent', async () => {
    for (const [end, want] of [[async () => 'there', 'there'], [async () => { throw miss(0) }, 'BLOCKSTORE_NOT_FOUND']] as const) {
      const { clock, asker } = opened()
      let isOver = false
      const found = asker().find<string>(async () => {
        if (isOver) return end()
        throw miss(1)
      }).catch((error: { code: string }) => error.code)
      await clock.advance(1000)
      isOver = true
      await clock.advance(1000)
      expect(await found).toBe(want)
      expect(clock.sleeping).toBe(0)
    }
  })

  it('looks at once when the store tells of a change, also of one while it looked', async () => {
    const told: (() => void)[] = []
    let watched = 0
    const { clock, asker } = opened({
      changed: ({ signal }) => new Promise((resolve) => {
        watched++
        told.push(resolve)
        signal?.addEventListener('abort', () => { watched-- })
      }),
    })
    let looks = 0
    const found = asker().find(async () => {
      looks++
      if (looks === 2) told.at(-1)!() // in the middle of the look
      if (looks < 4) throw miss(1)
      return 'there'
    })
    await clock.advance(20)
    expect(looks).toBe(3)
    told.at(-1)!()
    await clock.advance(20)
    expect(await found).toBe('there')
    expect([watched, clock.sleeping]).toEqual([0, 0])
  })

  it('looks no more often than is of use where the store tells without end', async () => {
    const { clock, asker } = opened({ changed: async () => {}, waitMs: 1000 })
    let looks = 0
    const found = expect(asker().find(async () => { looks++; throw miss(1) })).rejects.toMatchObject({ code: 'GATEWAY_UNINDEXED' })
    await clock.advance(1000)
    await found
    expect(looks).toBeLessThan(60)
    expect(clock.sleeping).toBe(0)
  })

  it('looks again after a while where the store has told nothing, or cannot', async () => {
    for (const changed of [() => new Promise<void>(() => {}), () => Promise.reject(new Error('closed'))]) {
      const { clock, asker } = opened({ changed, waitMs: 1000 })
      let isThere = false
      const found = asker().find(async () => {
        if (!isThere) throw miss(1)
        return 'there'
      })
      await clock.advance(50)
      isThere = true
      await clock.advance(2000)
      expect(await found).toBe('there')
      expect(clock.sleeping).toBe(0)
    }
  })

  it('is of the request as a whole, times in which several wait counting once', async () => {
    const { clock, asker } = opened({ waitMs: 1000 })
    const { find } = asker()
    const never = async (): Promise<never> => { throw miss(1) }
    const both = [find(never), find(never)].map((found) => expect(found).rejects.toMatchObject({ code: 'GATEWAY_UNINDEXED' }))
    await clock.advance(999)
    expect(clock.sleeping).toBeGreaterThan(0)
    await clock.advance(1)
    await Promise.all(both)
    await expect(find(never)).rejects.toMatchObject({ code: 'GATEWAY_UNINDEXED' })
    const other = asker().find(async () => { throw miss(2) })
    const refused = expect(other).rejects.toMatchObject({ code: 'GATEWAY_UNINDEXED' })
    await clock.advance(500)
    expect(clock.sleeping).toBe(1)
    await clock.advance(500)
    await refused
  })

  it('is lost for a minute with as many shards as somebody has waited for in vain, and comes back with each that is indexed', async () => {
    const { clock, asker } = opened({ waitMs: 1000 })
    const waits = async (shards: number): Promise<boolean> => {
      const found = asker().find(async () => { throw miss(shards) })
      const refused = expect(found).rejects.toMatchObject({ code: 'GATEWAY_UNINDEXED' })
      await clock.advance(0)
      const isWaiting = clock.sleeping > 0
      await clock.advance(1000)
      await refused
      return isWaiting
    }
    expect(await waits(5)).toBe(true)
    expect(await waits(5)).toBe(false)
    expect(await waits(4)).toBe(true)
    expect(await waits(4)).toBe(false)
    await clock.advance(60_000)
    expect(await waits(4)).toBe(true)
    // one that has seen a shard indexed has not waited in vain
    let shards = 4
    await clock.advance(60_000)
    const found = expect(asker().find(async () => { throw miss(shards) })).rejects.toMatchObject({ code: 'GATEWAY_UNINDEXED' })
    await clock.advance(500)
    shards = 3
    await clock.advance(500)
    await found
    expect(await waits(3)).toBe(true)
  })

  it('ends with the reason of one who leaves', async () => {
    const { clock, asker } = opened({ changed: () => new Promise(() => {}) })
    const { find, leave } = asker()
    const found = find(async () => { throw miss(1) })
    await clock.advance(10)
    leave('left')
    await expect(found).rejects.toBe('left')
    expect(clock.sleeping).toBe(0)
  })

  it('is had by so many at a time, and the others are refused at once', async () => {
    const { clock, asker } = opened({ waitMs: 5000 })
    const all = Array.from({ length: 1000 }, () => asker().find(async () => { throw miss(1) }).catch((error: { code: string }) => error.code))
    await clock.advance(0)
    expect(clock.sleeping).toBe(128)
    await clock.advance(5000)
    expect(new Set(await Promise.all(all))).toEqual(new Set(['GATEWAY_UNINDEXED']))
  })

  it('counts a request once, for however many blocks it waits', async () => {
    const { clock, asker } = opened({ waitMs: 5000 })
    const code = (found: Promise<unknown>): Promise<unknown> => found.catch((error: { code: string }) => error.code)
    const never = async (): Promise<never> => { throw miss(1) }
    const { find } = asker()
    const blocks = Array.from({ length: 300 }, () => code(find(never)))
    const others = Array.from({ length: 200 }, () => code(asker().find(never)))
    await clock.advance(0)
    // looking for few at a time
    expect(clock.sleeping).toBe(4 + 127)
    await clock.advance(5000)
    await Promise.all([...blocks, ...others])
    expect(clock.sleeping).toBe(0)
    const again = Array.from({ length: 200 }, () => code(asker().find(async () => { throw miss(2) })))
    await clock.advance(0)
    expect(clock.sleeping).toBe(128)
    await clock.advance(5000)
    await Promise.all(again)
  })

  it('finds all that a request waits for as it comes, also what it has not looked for meanwhile', async () => {
    const { clock, asker } = opened({ waitMs: 5000 })
    const { find, leave } = asker()
    let most = 0
    const found = Array.from({ length: 20 }, (_, n) => find(async () => {
      if (clock.monotonic() < 1000 + n) throw miss(1)
      most = Math.max(most, clock.sleeping)
      return n
    }))
    const all = Promise.all(found)
    await clock.advance(4000)
    expect(await all).toEqual(found.map((_, n) => n))
    expect(most).toBeLessThanOrEqual(4)
    const left = Array.from({ length: 9 }, () => find(async () => { throw miss(1) }).catch((reason: unknown) => reason))
    await clock.advance(10)
    leave('left')
    expect(new Set(await Promise.all(left))).toEqual(new Set(['left']))
    expect(clock.sleeping).toBe(0)
  })

  it('refuses a time that is none', () => {
    for (const waitMs of [-1, Number.NaN]) expect(() => createPatience({ waitMs })).toThrow(RangeError)
  })
})
