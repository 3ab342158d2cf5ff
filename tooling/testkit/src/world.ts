/** A directory and a database that die together, and the loop that cuts a scenario after each of its operations. */
import { createCrashFs, type CrashFs } from './crash-fs.ts'
import { createCrashLevel, type CrashLevel } from './crash-level.ts'
import { Faults } from './faults.ts'

export interface CrashWorld {
  readonly seed: string
  readonly faults: Faults
  readonly fs: CrashFs
  readonly db: CrashLevel
  /** What the next process finds; `faults` of the new world are fresh. */
  recover(seed: number | string): Promise<CrashWorld>
}

const worldOf = (seed: string, faults: Faults, fs: CrashFs, db: CrashLevel): CrashWorld => ({
  seed,
  faults,
  fs,
  db,
  recover: async (next) => {
    const nextFs = fs.recover(next)
    return worldOf(`${seed}/${next}`, nextFs.faults, nextFs, await db.recover(next, nextFs.faults))
  },
})

export const createCrashWorld = async (seed: number | string, options: { readonly capacityBytes?: number } = {}): Promise<CrashWorld> => {
  const faults = new Faults()
  return worldOf(String(seed), faults, createCrashFs({ seed, faults, ...options }), await createCrashLevel({ seed, faults }))
}

export interface CrashScenario {
  readonly seed: number | string
  /** Before the part that is cut; its operations are not counted. */
  readonly prepare?: (world: CrashWorld) => Promise<void>
  /** The part that is cut after each of its changing operations; rejections are expected and ignored once it is cut. */
  readonly run: (world: CrashWorld) => Promise<void>
  /** Looks at what is left; `cut` says after how many changes. Throws when an invariant is broken. */
  readonly check: (world: CrashWorld, cut: number) => Promise<void>
  /** Chances tried per cut. @default 3; 10 in a long run (`DAGSTORE_LONG`) */
  readonly chances?: number
}

const CHANCES = process.env['DAGSTORE_LONG'] === undefined ? 3 : 10

/**
 * Run the scenario once whole, then once for each changing operation with the cut there.
 *
 * @returns how many cuts were made
 * @throws what `check` threw, with seed, cut and log in the message
 */
export const everyCrash = async ({ seed, prepare, run, check, chances = CHANCES }: CrashScenario): Promise<number> => {
  const start = async (): Promise<CrashWorld> => {
    const world = await createCrashWorld(seed)
    await prepare?.(world)
    return world
  }
  const whole = await start()
  const before = whole.faults.changes
  await run(whole)
  const cuts = whole.faults.changes - before
  await check(await whole.recover('whole'), cuts)

  for (let cut = 0; cut < cuts; cut++) {
    const world = await start()
    world.faults.crashAfter(world.faults.changes + cut)
    await run(world).catch((error: unknown) => {
      if (!world.faults.crashed) throw error
    })
    for (let chance = 0; chance < chances; chance++) {
      try {
        await check(await world.recover(chance), cut)
      } catch (cause) {
        throw new Error(`broken after a cut; seed=${seed} cut=${cut} chance=${chance}\n${world.faults.log.join('\n')}\n${String(cause instanceof Error ? cause.stack : cause)}`, { cause })
      }
    }
  }
  return cuts
}
