/**
 * Checks one shard after another, for ever, at a pace that nobody notices; writes down what it finds, and repairs what it can
 * within a budget. Where it is stands in the catalogue: a restart goes on there.
 */
import type { Finding } from '../catalogue/finding.ts'
import { decodeText, encodeText } from '../catalogue/layout.ts'
import { listRecords } from '../catalogue/list-records.ts'
import type { ShardCatalogue } from '../catalogue/shard-catalogue.ts'
import type { IndexGeneration, ShardRecord } from '../machine/index.ts'
import type { StoreParts } from '../runner/parts.ts'
import { createBudget } from '../budget.ts'
import { type CheckParts, checkShard } from './check.ts'
import { isRepairable, repair, type RepairParts } from './repair.ts'

export interface DoctorOptions {
  /** Of blocks that are hashed. @default 1 MiB */
  readonly bytesPerSecond?: number
  /** Entries of indices and of the top-level index that are looked at. @default 1000 */
  readonly rowsPerSecond?: number
  /** Indices built anew, and shards published again, at most; 0: it only looks. @default 12 */
  readonly repairsPerHour?: number
}

export type DoctorSettings = Required<DoctorOptions>

export const DOCTOR_DEFAULTS: DoctorSettings = Object.freeze({ bytesPerSecond: 1 << 20, rowsPerSecond: 1000, repairsPerHour: 12 })

/** @throws {RangeError} an option out of range */
export const doctorSettings = (options: DoctorOptions): DoctorSettings => {
  const settings = { ...DOCTOR_DEFAULTS, ...options }
  for (const name of ['bytesPerSecond', 'rowsPerSecond'] as const) if (!(settings[name] > 0)) throw new RangeError(`doctor.${name}; want=above 0 got=${settings[name]}`)
  if (!(settings.repairsPerHour >= 0)) throw new RangeError(`doctor.repairsPerHour; want=0 or more got=${settings.repairsPerHour}`)
  return settings
}

export type DoctorParts = Omit<CheckParts, 'bytes' | 'rows'> & RepairParts & Pick<StoreParts, 'emit'>

/** Name of the note that says which shard was checked last. */
const NOTE = 'doctor'
const PAGE = 64
/** After a round, and after the store's own database has failed. */
const PAUSE_MS = 600_000
const HOUR_S = 3600

/** Never rejects; ends when the signal fires. */
export const runDoctor = async (parts: DoctorParts, { bytesPerSecond, rowsPerSecond, repairsPerHour }: DoctorSettings, signal: AbortSignal): Promise<void> => {
  const { catalogue, clock } = parts
  const budgets = { bytes: createBudget(clock, bytesPerSecond), rows: createBudget(clock, rowsPerSecond) }
  const repairs = createBudget(clock, repairsPerHour / HOUR_S, repairsPerHour)
  const examine = async (key: string): Promise<void> => {
    // read now: the page that it was listed in may be hours old
    const stored = await catalogue.get(key)
    if (stored === undefined) return
    const { record } = stored
    const { index } = record
    // what is being built, refreshed or destroyed is in other hands; what was adopted is replaced by whoever acquires it next
    if (index === undefined || index.foreign === true || record.building !== undefined || record.refresh !== undefined || record.destroying) return
    // noted first: a shard that takes longer than a process lives must not keep the next one from the others
    await catalogue.setNote(NOTE, encodeText(key))
    const before = await earlier(catalogue, key, index)
    const found = await checkShard({ ...parts, ...budgets }, key, record, index, signal)
    parts.metrics.count('doctor.shards')
    const now = (await catalogue.get(key))?.record
    // what was found is of an index that is gone
    if (now?.index?.generation !== index.generation || now.index.shardNumber !== index.shardNumber || now.destroying) return
    // what is found again was found then
    let findings = found.map((finding): Finding => {
      const same = before?.find(({ check, code, repairedAt }) => check === finding.check && code === finding.code && repairedAt === undefined)
      return same === undefined ? finding : { ...finding, at: same.at }
    })
    for (const finding of findings) {
      if (before?.some(({ at, check }) => at === finding.at && check === finding.check) === true) continue
      parts.metrics.count('doctor.findings', 1, { code: finding.code })
      parts.emit({ type: 'finding', key, finding })
    }
    let { shardNumber } = index
    if (isCurable(findings, now) && repairs.tryTake(1)) {
      const repaired = await tryRepair(parts, key, index, findings.filter(isRepairable), signal)
      if (repaired) findings = findings.map((finding) => isRepairable(finding) ? { ...finding, repairedAt: new Date(clock.now()).toISOString() } : finding)
      shardNumber = (await catalogue.get(key))?.record.index?.shardNumber ?? shardNumber
    }
    if (findings.length > 0 || before !== undefined) await catalogue.setFindings(key, { shardNumber, findings })
  }
  /** @returns whether it began with the first shard */
  const round = async (): Promise<boolean> => {
    const cursor = await catalogue.note(NOTE)
    for await (const { key } of listRecords(catalogue, { after: cursor === undefined ? undefined : decodeText(cursor), pageRecords: PAGE })) {
      await budgets.rows.take(1, { signal })
      await examine(key)
    }
    await catalogue.setNote(NOTE, undefined)
    return cursor === undefined
  }
  while (!signal.aborted) {
    try {
      if (!await round()) continue
    } catch (error) {
      if (signal.aborted) return
      parts.emit({ type: 'postponed', key: undefined, error })
    }
    await clock.sleep(PAUSE_MS, { signal }).catch(() => {}) // the loop ends
  }
}

/** `undefined`: nothing was written down. */
const earlier = async (catalogue: Pick<ShardCatalogue, 'findings'>, key: string, index: IndexGeneration): Promise<readonly Finding[] | undefined> => {
  const found = await catalogue.findings(key)
  return found === undefined ? undefined : found.shardNumber === index.shardNumber ? found.findings : []
}

/** A repair reads the source: without it, it would only make the shard errored. */
const isCurable = (findings: readonly Finding[], { health }: ShardRecord): boolean =>
  health === 'available' && findings.some(isRepairable) && !findings.some(({ check }) => check === 'source')

const tryRepair = async (parts: DoctorParts, key: string, index: IndexGeneration, findings: readonly Finding[], signal: AbortSignal): Promise<boolean> => {
  try {
    const repaired = await repair(parts, key, index, findings, signal)
    parts.metrics.count('doctor.repairs', 1, { outcome: repaired ? 'ok' : 'failed' })
    return repaired
  } catch (error) {
    signal.throwIfAborted()
    parts.metrics.count('doctor.repairs', 1, { outcome: 'failed' })
    parts.emit({ type: 'postponed', key, error })
    return false
  }
}
