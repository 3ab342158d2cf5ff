/** Calls that the end of the process cuts off. */
import { expect } from 'vitest'
import { type Harness, openHarness, until } from './harness.ts'
import { build, carOf, clock, type CrashHarness, type Model, type ModelShard, newShard, opens, random, ShardCommand, timeOf } from './store-model.ts'

/** What a call makes of its shard when it comes to its end, `undefined` when it is gone. */
export const EFFECTS = {
  register: (shard: ModelShard) => { shard.health ??= 'new'; return shard },
  eager: (shard: ModelShard) => {
    if (shard.health === undefined || shard.health === 'new') build(shard)
    else if (shard.health !== 'available') opens(shard)
    return shard
  },
  acquire: (shard: ModelShard) => {
    if (shard.health !== undefined) opens(shard)
    return shard
  },
  recover: (shard: ModelShard) => {
    if (shard.health !== 'errored') return shard
    shard.retry = undefined
    build(shard)
    return shard
  },
  refresh: (shard: ModelShard, moved: string) => {
    if (shard.health === undefined) return shard
    if (shard.health !== 'new' && (shard.mode === 'away' || shard.mode === 'bad')) return shard
    shard.url = moved
    if (shard.health !== 'new') build(shard)
    return shard
  },
  destroy: ({ mode }: ModelShard, _: string, key: string) => ({ ...newShard(key), mode }),
} as const
export type Cut = keyof typeof EFFECTS

/** The process dies during a call, or behind it: what was answered holds, and of what was not, all has happened or nothing. */
export class Crash extends ShardCommand {
  readonly cut: Cut
  readonly changes: number
  constructor (key: string, cut: Cut, changes: number) { super(key); this.cut = cut; this.changes = changes }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: CrashHarness, model: Model): Promise<void> {
    for (const each of model.values()) Object.assign(each, { session: undefined, cached: false, leases: [] })
    const generation = (await h.store.shard(this.key))?.indexGeneration
    const { faults } = h.world
    const moved = shard.url === `test:${this.key}` ? `test:${this.key}-moved` : `test:${this.key}`
    // a session that is open would be an acquire's answer
    Object.assign(h, await h.reopen())
    faults.crashAfter(faults.changes + this.changes)
    const answered = await this.call(h, shard.url, moved).then(() => true, () => !faults.crashed)
    await h.store.close().catch(() => {})
    const world = await h.world.recover(this.changes)
    Object.assign(h, await openHarness({ clock, random }, { db: world.db, files: world.fs.directory, sources: h.sources }), { world })
    const possible = [EFFECTS[this.cut]({ ...shard }, moved, this.key), ...(answered ? [] : [shard])]
    await until(async () => {
      const info = await h.store.shard(this.key)
      return info === undefined || (info.health !== 'initializing' && info.health !== 'recovering' && !info.destroying)
    })
    const info = await h.store.shard(this.key)
    const holds = await Promise.all((['one', 'two'] as const).map(async (mode) => (await h.store.find(carOf(this.key, mode).blocks[2]!.cid.multihash.bytes)).length > 0 ? [mode] : []))
    const [indexed] = holds.flat()
    const found = possible.find((state) => state.health === info?.health && state.retry === info?.error?.retry && state.attempts === (info?.error?.attempts ?? 0) &&
      timeOf(state) === info?.error?.nextRetryAt && (info === undefined || state.url === info.mountUrl) && state.indexed === indexed &&
      (!state.indexLost || info?.indexGeneration === generation))
    expect(found, `${this.toString()}, answered: ${answered}; found ${JSON.stringify({ ...info, indexed })}, possible ${JSON.stringify(possible)}`).toBeDefined()
    model.set(this.key, { ...found!, session: undefined, cached: false, leases: [] })
  }

  call ({ store }: Harness, url: string, moved: string): Promise<unknown> {
    switch (this.cut) {
      case 'register': return store.register(this.key, url)
      case 'eager': return store.register(this.key, url, { indexing: 'eager' })
      case 'acquire': return store.acquire(this.key).then((lease) => lease.close())
      case 'recover': return store.recover(this.key)
      case 'refresh': return store.refresh(this.key, { mount: moved })
      case 'destroy': return store.destroy(this.key)
    }
  }
  override toString (): string { return `Crash(${this.key} ${this.cut}, ${this.changes} changes)` }
}
