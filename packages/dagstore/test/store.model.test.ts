/** The store against a model that knows nothing of machines, jobs or generations: random calls, sources, restarts and crashes. */
import { createCrashWorld } from '@dagstore-tooling/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { namesIn, openHarness } from './harness.ts'
import { clock, KEYS, type Mode, type Model, newShard, random, type Real, setSource } from './store-model.ts'
import { Acquire, ChangeSource, Destroy, Initialize, LoseIndex, ReadAcross, Recover, Refresh, Register, RegisterEagerly, Release, Restart, Wait, Withdraw } from './store-model-calls.ts'
import { Crash, type Cut, EFFECTS } from './store-model-crash.ts'
import { CollectGarbage, ExportShards, ImportShards, RebuildTopLevelIndex, RegisterMany, Verify } from './store-model-many.ts'

const SEED = Number(process.env['DAGSTORE_MODEL_SEED'] ?? 20210817)
const RUNS = process.env['DAGSTORE_LONG'] === undefined ? 300 : 10_000

const key = fc.constantFrom(...KEYS)
const commands = fc.commands([
  key.map((k) => new Register(k)),
  key.map((k) => new RegisterEagerly(k)),
  fc.tuple(key, fc.integer({ min: 1, max: 4 })).map(([k, count]) => new Acquire(k, count)),
  key.map((k) => new Initialize(k)),
  fc.tuple(key, fc.boolean()).map(([k, moves]) => new Refresh(k, moves)),
  key.map((k) => new Wait(k)),
  key.map((k) => new Withdraw(k)),
  fc.tuple(key, fc.nat(7)).map(([k, pick]) => new Release(k, pick)),
  key.map((k) => new Recover(k)),
  fc.tuple(key, fc.constantFrom('drain' as const, 'force' as const)).map(([k, mode]) => new Destroy(k, mode)),
  fc.tuple(key, fc.constantFrom<Mode>('one', 'two', 'bad', 'away')).map(([k, mode]) => new ChangeSource(k, mode)),
  key.map((k) => new LoseIndex(k)),
  fc.tuple(key, fc.boolean()).map(([k, walks]) => new ReadAcross(k, walks)),
  key.map((k) => new Verify(k)),
  key.map((k) => new RegisterMany(k)),
  key.map((k) => new ExportShards(k)),
  key.map((k) => new ImportShards(k)),
  fc.tuple(key, fc.boolean()).map(([k, dryRun]) => new CollectGarbage(k, dryRun)),
  key.map((k) => new RebuildTopLevelIndex(k)),
  key.map((k) => new Restart(k)),
  fc.tuple(key, fc.constantFrom(...Object.keys(EFFECTS) as Cut[]), fc.nat(14)).map(([k, cut, changes]) => new Crash(k, cut, changes)),
], { maxCommands: 40, size: '+1' })

describe('the store and its model', () => {
  it(`agree after any calls; seed ${SEED}, ${RUNS} runs`, async () => {
    await fc.assert(fc.asyncProperty(commands, async (run) => {
      const world = await createCrashWorld(SEED)
      const h = await openHarness({ clock, random }, { db: world.db, files: world.fs.directory })
      for (const k of KEYS) setSource(h, k, 'one')
      const model: Model = new Map(KEYS.map((k) => [k, newShard(k)]))
      const real: Real = { h: { ...h, world } }
      try {
        await fc.asyncModelRun(() => ({ model, real }), run)
        for (const [k, { health }] of model) if (health !== undefined) await real.h.store.destroy(k, { mode: 'force' })
      } finally {
        await real.h.store.close()
      }
      expect(h.sources.open, 'sources left open').toBe(0)
      expect(await namesIn(real.h.files), 'files left over').toEqual([])
    }), { seed: SEED, numRuns: RUNS })
  })
})
