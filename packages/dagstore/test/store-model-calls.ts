/** Calls on single shards, and what is done to their sources and files. */
import { indexName } from '@dagstore/index-repo'
import { expect } from 'vitest'
import { codeOf, type Harness, rejection, until } from './harness.ts'
import { build, carOf, clock, held, heal, join, type Mode, type Model, type ModelShard, newShard, opens, readable, setSource, ShardCommand, timeOf } from './store-model.ts'

export class Register extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    shard.health ??= 'new'
    expect(await h.store.register(this.key, shard.url)).toMatchObject({ health: shard.health })
    expect(codeOf(await rejection(h.store.register(this.key, 'test:other')))).toBe('DAGSTORE_SHARD_EXISTS')
  }
}

export class RegisterEagerly extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const fine = shard.health === 'available' || (shard.health === undefined || shard.health === 'new' ? build(shard) : opens(shard))
    const call = h.store.register(this.key, shard.url, { indexing: 'eager' })
    if (fine) expect(await call).toMatchObject({ health: 'available' })
    else expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_ERRORED')
  }
}

export class Initialize extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const call = h.store.initialize(this.key)
    if (shard.health === undefined) {
      expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_UNKNOWN')
      return
    }
    const fine = shard.health === 'available' || (shard.health === 'new' ? build(shard) : opens(shard))
    if (fine) expect(await call).toMatchObject({ health: 'available' })
    else expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_ERRORED')
  }
}

/** Of the same mount, or of the other one, which has the same bytes. */
export class Refresh extends ShardCommand {
  readonly moves: boolean
  constructor (key: string, moves: boolean) { super(key); this.moves = moves }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const url = shard.url === `test:${this.key}` ? `test:${this.key}-moved` : `test:${this.key}`
    const call = h.store.refresh(this.key, this.moves ? { mount: url } : {})
    if (shard.health === undefined) {
      expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_UNKNOWN')
      return
    }
    if (shard.health === 'new') {
      if (this.moves) shard.url = url
      expect(await call).toMatchObject({ health: 'new', mountUrl: shard.url })
      return
    }
    if (shard.mode === 'away' || shard.mode === 'bad') {
      expect(codeOf(await rejection(call))).toBe('DAGSTORE_REFRESH_FAILED')
      return
    }
    const unchanged = !this.moves && shard.health === 'available' && shard.indexed === shard.mode && !shard.indexLost
    if (this.moves) shard.url = url
    expect(await call).toMatchObject({ health: 'available', mountUrl: shard.url, error: undefined })
    if (unchanged) return
    build(shard)
    // leases keep what they have; the next one gets the new bytes
    Object.assign(shard, { session: undefined, cached: false })
    await until(async () => (await h.store.shard(this.key))?.leases === shard.leases.length)
    for (const { lease, mode } of shard.leases) await readable(this.key, lease, mode)
  }
  override toString (): string { return `Refresh(${this.key}${this.moves ? ' moved' : ''})` }
}

/** Until the next retry is due, which is made then. */
export class Wait extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (_: ModelShard, h: Harness, model: Model): Promise<void> {
    const times = [...model.values()].flatMap(({ due }) => due === undefined ? [] : [due])
    await clock.advance(Math.min(...times, clock.now() + 60_000) - clock.now())
    for (const [key, shard] of model) {
      if (shard.due === undefined || shard.due > clock.now()) continue
      opens(shard)
      await until(async () => {
        const info = await h.store.shard(key)
        return info?.health === shard.health && (info?.error?.attempts ?? 0) === shard.attempts && info?.error?.nextRetryAt === timeOf(shard)
      })
    }
  }
}

export class Acquire extends ShardCommand {
  readonly count: number
  constructor (key: string, count: number) { super(key); this.count = count }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const calls = Array.from({ length: this.count }, () => h.store.acquire(this.key))
    if (shard.health === undefined) {
      for (const call of calls) expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_UNKNOWN')
      return
    }
    if (!opens(shard)) {
      for (const error of await Promise.all(calls.map(rejection))) expect(error).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: shard.retry })
      return
    }
    const mode = join(shard)
    for (const lease of await Promise.all(calls)) {
      shard.leases.push({ lease, mode, session: shard.sessions })
      await readable(this.key, lease, mode)
    }
  }
  override toString (): string { return `Acquire(${this.key} x${this.count})` }
}

export class Withdraw extends ShardCommand {
  override isPossible (shard: ModelShard): boolean { return shard.health !== undefined && shard.session === undefined }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const leaving = new AbortController()
    const call = h.store.acquire(this.key, { signal: leaving.signal })
    await h.store.shard(this.key)
    leaving.abort(new Error('gone'))
    const lease = await call.catch(() => undefined)
    await lease?.close()
    // answered behind the withdrawal: what is seen from here on is not from before the acquire
    await h.store.register(this.key, shard.url)
    await until(async () => { const info = await h.store.shard(this.key); return info?.health !== 'initializing' && info?.leases === shard.leases.length })
    // it went through, or it left no trace
    const info = (await h.store.shard(this.key))!
    const before = { ...shard }
    opens(shard)
    shard.session = undefined
    if (info.health === before.health && info.error?.retry === before.retry && (before.indexed === shard.indexed || info.indexGeneration === 0 || info.health === 'errored')) Object.assign(shard, before)
    // the health alone does not tell whether an index was rebuilt before the abort came
    if (before.indexed !== undefined && (before.indexLost || before.indexed !== before.mode)) {
      shard.indexed = before.indexed
      if (info.health === 'available') await settleIndex(this.key, shard, h)
    }
  }
}

/** An acquire that nobody withdraws brings model and store together again. */
const settleIndex = async (key: string, shard: ModelShard, h: Harness): Promise<void> => {
  heal(shard)
  if (!opens(shard)) {
    expect(codeOf(await rejection(h.store.acquire(key)))).toBe('DAGSTORE_SHARD_ERRORED')
    return
  }
  const lease = await h.store.acquire(key)
  await readable(key, lease, shard.indexed!)
  await lease.close()
}

export class Release extends ShardCommand {
  readonly pick: number
  constructor (key: string, pick: number) { super(key); this.pick = pick }
  override isPossible (shard: ModelShard): boolean { return shard.leases.length > 0 }
  async perform (shard: ModelShard): Promise<void> {
    const [{ lease, mode }] = shard.leases.splice(this.pick % shard.leases.length, 1) as [ModelShard['leases'][number]]
    await readable(this.key, lease, mode)
    await Promise.all([lease.close(), lease.close()])
    expect(codeOf(await rejection(lease.blockstore.bytes(carOf(this.key, mode).blocks[1]!.cid)))).toBe('BLOCKSTORE_CLOSED')
    held(shard)
  }
}

export class Recover extends ShardCommand {
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    if (shard.health !== 'errored') {
      expect(codeOf(await rejection(h.store.recover(this.key)))).toBe('DAGSTORE_NOT_ERRORED')
      return
    }
    // it counts from the beginning
    shard.retry = undefined
    if (build(shard)) expect(await h.store.recover(this.key)).toMatchObject({ health: 'available', error: undefined })
    else expect(await rejection(h.store.recover(this.key))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: shard.retry })
  }
}

export class Destroy extends ShardCommand {
  readonly mode: 'drain' | 'force'
  constructor (key: string, mode: 'drain' | 'force') { super(key); this.mode = mode }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness, model: Model): Promise<void> {
    const destroying = h.store.destroy(this.key, { mode: this.mode })
    if (shard.health === undefined) {
      expect(codeOf(await rejection(destroying))).toBe('DAGSTORE_SHARD_UNKNOWN')
      return
    }
    if (this.mode === 'drain') for (const { lease } of shard.leases) await lease.close()
    await destroying
    for (const { lease, mode } of shard.leases) {
      expect(codeOf(await rejection(lease.blockstore.bytes(carOf(this.key, mode).blocks[0]!.cid)))).toBe('BLOCKSTORE_CLOSED')
      await lease.close()
    }
    model.set(this.key, { ...newShard(this.key), mode: shard.mode })
    expect(await h.store.shard(this.key)).toBeUndefined()
  }
  override toString (): string { return `Destroy(${this.key} ${this.mode})` }
}

export class ChangeSource extends ShardCommand {
  readonly mode: Mode
  constructor (key: string, mode: Mode) { super(key); this.mode = mode }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    shard.mode = this.mode
    setSource(h, this.key, this.mode)
  }
  override toString (): string { return `ChangeSource(${this.key} ${this.mode})` }
}

export class LoseIndex extends ShardCommand {
  override isPossible (shard: ModelShard): boolean { return shard.indexed !== undefined }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const info = await h.store.shard(this.key)
    await h.files.remove(`index/${indexName(this.key, info!.indexGeneration)}`)
    shard.indexLost = true
  }
}

/** Through the store, or a session of one walk. */
export class ReadAcross extends ShardCommand {
  readonly walks: boolean
  constructor (key: string, walks: boolean) { super(key); this.walks = walks }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness, model: Model): Promise<void> {
    const across = this.walks ? h.store.createSession() : h.store.blockstore
    for (const mode of ['one', 'two'] as const) {
      const { cid, data } = carOf(this.key, mode).blocks[2]!
      expect(await h.store.find(cid.multihash.bytes)).toEqual(shard.indexed === mode ? [this.key] : [])
      const unindexed = [...model.values()].filter(({ health, indexed }) => health !== undefined && indexed === undefined).length
      const call = across.bytes(cid)
      if (shard.indexed !== mode) {
        expect(await rejection(call)).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: unindexed })
        continue
      }
      const was = shard.session
      if (!opens(shard)) {
        expect(codeOf(await rejection(call))).toBe('BLOCKSTORE_UNREADABLE')
        continue
      }
      join(shard)
      // a session that was open before reads what it read then
      if ((was ?? shard.indexed) === mode) expect(await call).toEqual(data)
      else expect(codeOf(await rejection(call))).toBe('BLOCKSTORE_NOT_FOUND')
      shard.cached = true
    }
  }
}

export class Restart extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (_: ModelShard, h: Harness, model: Model): Promise<void> {
    for (const shard of model.values()) Object.assign(shard, { session: undefined, cached: false, leases: [] })
    Object.assign(h, await h.reopen())
  }
}
