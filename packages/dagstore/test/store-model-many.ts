/** Calls on all shards at once, and those that look at a whole shard. */
import { expect } from 'vitest'
import { codeOf, collectAll, rejection } from './harness.ts'
import { type CrashHarness, held, join, KEYS, type Model, type ModelShard, opens, readable, ShardCommand } from './store-model.ts'

abstract class StoreCommand extends ShardCommand {
  override isPossible (): boolean { return true }
  override toString (): string { return this.constructor.name }
}

export class RegisterMany extends StoreCommand {
  async perform (_: ModelShard, h: CrashHarness, model: Model): Promise<void> {
    const outcomes = await collectAll(h.store.registerMany([...model].map(([key, { url }]) => ({ key, mountUrl: url }))))
    for (const shard of model.values()) shard.health ??= 'new'
    expect(outcomes.map(({ key, ok }) => [key, ok])).toEqual(KEYS.map((key) => [key, true]))
  }
}

/** What a store was when it was exported. */
interface Export { readonly chunks: readonly Uint8Array[], readonly urls: ReadonlyMap<string, string> }
const exports = new WeakMap<Model, Export>()

export class ExportShards extends StoreCommand {
  async perform (_: ModelShard, h: CrashHarness, model: Model): Promise<void> {
    const chunks = await collectAll(h.store.exportShards())
    exports.set(model, { chunks, urls: new Map([...model].flatMap(([key, { health, url }]) => health === undefined ? [] : [[key, url]])) })
  }
}

/** Shards that are gone come back, those that are there stay as they are. */
export class ImportShards extends StoreCommand {
  async perform (_: ModelShard, h: CrashHarness, model: Model): Promise<void> {
    const exported = exports.get(model)
    if (exported === undefined) return
    const expected: unknown[] = []
    for (const [key, url] of exported.urls) {
      const shard = model.get(key)!
      if (shard.health === undefined) Object.assign(shard, { health: 'new', url })
      expected.push([key, shard.url === url ? 'ok' : 'DAGSTORE_SHARD_EXISTS'])
    }
    const outcomes = await collectAll(h.store.importShards(exported.chunks))
    expect(outcomes.map((outcome) => [outcome.key, outcome.ok ? 'ok' : codeOf(outcome.error)])).toEqual(expected)
  }
}

/** Beside leases, which keep what they have. */
export class CollectGarbage extends StoreCommand {
  readonly dryRun: boolean
  constructor (key: string, dryRun: boolean) { super(key); this.dryRun = dryRun }
  async perform (_: ModelShard, h: CrashHarness, model: Model): Promise<void> {
    const reading = [...model].flatMap(([key, { leases }]) => leases.map(({ lease, mode }) => readable(key, lease, mode)))
    expect(await h.store.gc({ dryRun: this.dryRun })).toMatchObject({ failures: 0, unreadRecords: 0 })
    await Promise.all(reading)
    for (const [key, { leases }] of model) for (const { lease, mode } of leases) await readable(key, lease, mode)
  }
  override toString (): string { return `CollectGarbage(${this.dryRun ? 'dry' : ''})` }
}

export class RebuildTopLevelIndex extends StoreCommand {
  // a shard whose index is lost would count as unindexed
  override check (model: Readonly<Model>): boolean { return [...model.values()].every(({ indexLost }) => !indexLost) }
  async perform (_: ModelShard, h: CrashHarness): Promise<void> { await h.store.rebuildTopLevelIndex() }
}

/** Of a shard whose index is there. */
export class Verify extends ShardCommand {
  override isPossible ({ indexLost }: ModelShard): boolean { return !indexLost }
  async perform (shard: ModelShard, h: CrashHarness): Promise<void> {
    // of other bytes than the mount has: the opening builds another one, which is told
    const outdated = shard.session === undefined && shard.indexed !== undefined && shard.indexed !== shard.mode
    const call = h.store.verify(this.key, { mode: 'full' })
    if (shard.health === undefined || !opens(shard)) {
      expect(codeOf(await rejection(call))).toBe(shard.health === undefined ? 'DAGSTORE_SHARD_UNKNOWN' : 'DAGSTORE_SHARD_ERRORED')
      return
    }
    join(shard)
    expect(await call).toMatchObject({ blocks: 4, checked: 4, bad: [], repaired: outdated ? [{ part: 'index' }] : [] })
    held(shard)
  }
}
