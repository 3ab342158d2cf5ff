/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The catalogue in an `abstract-level` database. Commits that come while one is being written go together in the next
 * write, each checked against the ones before it; the database's own lock makes this process the only writer.
 */
import type { AnyLevel } from '@dagstore/io'
import { DagstoreError } from '../errors.ts'
import { isIndexed, retryAt, type ShardRecord } from '../machine/index.ts'
import {
  decodeText, decodeU32, encodeU32, findingsRange, findingsRow, garbageRange, garbageRow, healthByte, indexRows,
  keyOfRecordRow, keyOfStateRow, metaRow, noteRow, numberOfRow, numberRange, numberRow, parseGarbageRow, parseRetryRow, PRESENT_TEXT, recordRange,
  recordKey, recordRow, retryRange, retryRow, stateRange, UNFINISHED_BYTES
} from './layout.ts'
import { decodeFindings, encodeFindings, type ListedFindings, type ShardFindings } from './finding.ts'
import { decodeRecord, recordValue, type StoredRecord, versionOf } from './record-codec.ts'
import type { DueQuery, DueRetry, ListedGarbage, ListedRecord, RecordChange, RecordQuery, ShardCatalogue } from './shard-catalogue.ts'
import { takenUp } from './taken-up.ts'
import { upgradeCatalogue } from './upgrade.ts'
import { type Operation, readRows, type Rows, SYNC, writeRows } from './rows.ts'

const FORMAT_VERSION = 2
/** Commits in one write at most. */
const GROUP = 512

interface Pending {
  readonly changes: readonly RecordChange[]
  readonly resolve: (outcome: 'done' | 'conflict') => void
  readonly reject: (error: unknown) => void
}

/**
 * Open the catalogue in the sublevel `catalogue` of `db`, or make an empty one. The caller closes `db`.
 *
 * @throws {DagstoreError} `DAGSTORE_BAD_FORMAT`: written by a later version, or not by us. `DAGSTORE_STORAGE_FAILED`
 */
export const openCatalogue = async (db: AnyLevel): Promise<ShardCatalogue> => {
  const rows: Rows = db.sublevel('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
  const [format, next, unindexed, upgrade] = await stored('opening the catalogue', () => rows.getMany(META.map(metaRow)))
  if (format === undefined) {
    const [other] = await stored('opening the catalogue', () => rows.keys({ limit: 1 }).all())
    if (other !== undefined) throw damaged('format', format)
    await stored('creating the catalogue', () => rows.put(metaRow('format'), encodeU32(FORMAT_VERSION), SYNC))
    return new LevelCatalogue(rows, 1, 0)
  }
  if (format.byteLength !== 4) throw damaged('format', format)
  const found = decodeU32(format)
  if (found === 1 || upgrade !== undefined) {
    await stored('upgrading the catalogue', () => upgradeCatalogue(rows, FORMAT_VERSION))
  } else if (found !== FORMAT_VERSION) {
    const what = found > FORMAT_VERSION ? 'store was written by a later version of this package, which is needed to open it' : 'store has an unknown format version'
    throw new DagstoreError('DAGSTORE_BAD_FORMAT', `${what}; supported=${FORMAT_VERSION} found=${found}`)
  }
  if (next !== undefined && next.byteLength === 4) return new LevelCatalogue(rows, decodeU32(next), unindexed?.byteLength === 4 ? decodeU32(unindexed) : await countUnindexed(rows))
  const [first] = await stored('opening the catalogue', () => rows.keys({ ...recordRange(undefined), limit: 1 }).all())
  if (next !== undefined || first !== undefined) throw damaged('next', next)
  return new LevelCatalogue(rows, 1, 0)
}

const META = ['format', 'next', 'counts', 'upgrade'] as const

/** Where the count is lost: each record is looked at. */
const countUnindexed = (rows: Rows): Promise<number> => stored('counting records', async () => {
  let count = 0
  for await (const bytes of rows.values(recordRange(undefined))) count += weight(decodeRecord(bytes).record)
  return count
})

/** The row cannot be done without: shard numbers might be given out twice. Records and files stay as they are. */
const damaged = (name: typeof META[number], value: Uint8Array | undefined): DagstoreError => new DagstoreError('DAGSTORE_BAD_FORMAT',
  'the database of the store is damaged: put it back from a backup, or make a new store, import-shards into it what export-shards gave, and let it index anew; '
  + `row=${name} ${value === undefined ? 'missing' : `bytes=${value.byteLength}`}`)

const stored = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (cause) {
    throw new DagstoreError('DAGSTORE_STORAGE_FAILED', `${what} failed`, { cause, retry: 'later' })
  }
}

class LevelCatalogue implements ShardCatalogue {
  readonly #rows: Rows
  /** The next number to give out. */
  #next: number
  #unindexed: number
  readonly #queue: Pending[] = []
  #writing: Promise<void> | undefined

  constructor (rows: Rows, next: number, unindexed: number) {
    this.#rows = rows
    this.#next = next
    this.#unindexed = unindexed
  }

  get unindexed (): number { return this.#unindexed }

  takeNumber (): number {
    // the last one stays unused, so that the counter behind it still fits
    if (this.#next >= 0xffff_ffff) throw new DagstoreError('DAGSTORE_STORAGE_FAILED', 'all shard numbers are used up')
    return this.#next++
  }

  async get (key: string): Promise<StoredRecord | undefined> {
    const bytes = await stored('reading a record', () => this.#rows.get(recordRow(key)))
    return bytes === undefined ? undefined : decodeRecord(bytes)
  }

  async getMany (keys: readonly string[]): Promise<readonly (StoredRecord | undefined)[]> {
    const found = await stored('reading records', () => readRows(this.#rows, keys.map(recordKey)))
    return found.map((bytes) => bytes === undefined ? undefined : decodeRecord(bytes))
  }

  async page ({ after, state, limit }: RecordQuery): Promise<readonly ListedRecord[]> {
    return stored('listing records', async () => {
      if (state === undefined) {
        const found = await this.#rows.iterator({ ...recordRange(after), limit }).all()
        return found.map(([row, bytes]) => ({ key: keyOfRecordRow(row), ...decodeRecord(bytes) }))
      }
      const states = state === 'unfinished' ? UNFINISHED_BYTES : [healthByte(state)]
      const keyRows: Uint8Array[] = []
      for (const byte of states) keyRows.push(...await this.#rows.keys({ ...stateRange(byte, after), limit }).all())
      const keys = keyRows.sort((a, b) => compare(a.subarray(2), b.subarray(2))).slice(0, limit).map(keyOfStateRow)
      const found = await this.#rows.getMany(keys.map(recordRow))
      // a record that has gone since its state was read has no place in the list
      return keys.flatMap((key, at) => { const bytes = found[at]; return bytes === undefined ? [] : [{ key, ...decodeRecord(bytes) }] })
    })
  }

  async due ({ until, after, limit }: DueQuery): Promise<readonly DueRetry[]> {
    return stored('looking for what is due', async () => {
      const rows = await this.#rows.keys({ ...retryRange(until, after), limit }).all()
      const due = rows.map(parseRetryRow)
      const records = await this.#rows.getMany(due.map(({ key }) => recordRow(key)))
      const stale = due.filter(({ at }, position) => {
        const bytes = records[position]
        return bytes === undefined || retryAt(decodeRecord(bytes).record) !== at
      })
      if (stale.length === 0) return due
      // left by a record that could not be read when it was replaced
      await this.#rows.batch(stale.map(({ key, at }) => ({ type: 'del' as const, key: retryRow(at, key) })))
      const rest = due.filter((one) => !stale.includes(one))
      const last = due.at(-1)
      return due.length < limit || last === undefined ? rest : [...rest, ...await this.due({ until, after: last, limit: stale.length })]
    })
  }

  async keyOf (shardNumber: number): Promise<string | undefined> {
    const bytes = await stored('looking up a shard number', () => this.#rows.get(numberRow(shardNumber)))
    return bytes === undefined ? undefined : decodeText(bytes)
  }

  async numbersOf (key: string): Promise<readonly number[]> {
    return stored('looking for shard numbers', async () => {
      const numbers: number[] = []
      for await (const [row, value] of this.#rows.iterator(numberRange)) if (decodeText(value) === key) numbers.push(numberOfRow(row))
      return numbers
    })
  }

  async * garbage (key: string | undefined): AsyncGenerator<ListedGarbage, void, undefined> {
    const rows = await stored('listing garbage', () => this.#rows.iterator(garbageRange(key)).all())
    for (const [row, value] of rows) yield parseGarbageRow(row, value)
  }

  async forget (collected: readonly ListedGarbage[]): Promise<void> {
    const operations = collected.map(({ key, garbage }) => ({ type: 'del' as const, key: garbageRow(key, garbage).row }))
    await stored('forgetting garbage', () => this.#rows.batch(operations))
  }

  async note (name: string): Promise<Uint8Array | undefined> {
    return stored('reading a note', () => this.#rows.get(noteRow(name)))
  }

  async setNote (name: string, value: Uint8Array | undefined): Promise<void> {
    await stored('writing a note', () => value === undefined ? this.#rows.del(noteRow(name), SYNC) : this.#rows.put(noteRow(name), value, SYNC))
  }

  async findings (key: string): Promise<ShardFindings | undefined> {
    const bytes = await stored('reading findings', () => this.#rows.get(findingsRow(key)))
    return bytes === undefined ? undefined : decodeFindings(bytes)
  }

  async setFindings (key: string, found: ShardFindings): Promise<void> {
    await stored('writing findings', () => found.findings.length === 0 ? this.#rows.del(findingsRow(key)) : this.#rows.put(findingsRow(key), encodeFindings(found)))
  }

  async findingsPage ({ after, limit }: { readonly after?: string | undefined, readonly limit: number }): Promise<readonly ListedFindings[]> {
    const found = await stored('listing findings', () => this.#rows.iterator({ ...findingsRange(after), limit }).all())
    return found.map(([row, bytes]) => ({ key: keyOfRecordRow(row), ...(decodeFindings(bytes) ?? { shardNumber: 0, findings: [] }) }))
  }

  commit (changes: readonly RecordChange[]): Promise<'done' | 'conflict'> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ changes, resolve, reject })
      this.#writing ??= this.#drain()
    })
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.#writing
  }

  async #drain (): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, GROUP)
      try {
        const outcomes = await stored('writing records', () => this.#write(group))
        group.forEach(({ resolve }, at) => resolve(outcomes[at] ?? 'conflict'))
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#writing = undefined
  }

  /** One atomic, synced write for all of the group that is not in conflict. */
  async #write (group: readonly Pending[]): Promise<('done' | 'conflict')[]> {
    const keys = [...new Set(group.flatMap(({ changes }) => changes.map(({ key }) => key)))]
    const found = await readRows(this.#rows, keys.map(recordKey))
    /** Bytes are read once somebody needs more than their version. */
    const current = new Map<string, StoredRecord | Uint8Array | undefined>(keys.map((key, at) => [key, found[at]]))
    const garbage = await this.#garbageOfRemoved(group)
    const operations: Operation[] = []
    let unindexed = this.#unindexed
    const outcomes = group.map(({ changes }) => {
      if (changes.some(({ key, ifVersion }) => versionNow(current.get(key)) !== ifVersion)) return 'conflict'
      for (const change of changes) {
        const now = current.get(change.key)
        const before = now instanceof Uint8Array ? decodeRecord(now) : now
        const version = (before?.version ?? 0n) + 1n
        operations.push(...operationsOf(change, before, version))
        if (change.record === undefined) for (const row of garbage.get(change.key) ?? []) operations.push({ type: 'del', key: row })
        // what an unreadable record counted as is unknown; most shards are indexed
        unindexed += weight(change.record) - (before?.damaged === true ? 0 : weight(before?.record))
        current.set(change.key, change.record === undefined ? undefined : { record: change.record, version, damaged: false })
      }
      return 'done'
    })
    if (operations.length === 0) return outcomes
    operations.push({ type: 'put', key: metaRow('next'), value: encodeU32(this.#next) })
    operations.push({ type: 'put', key: metaRow('counts'), value: encodeU32(Math.max(0, unindexed)) })
    await writeRows(this.#rows, operations)
    this.#unindexed = Math.max(0, unindexed)
    return outcomes
  }

  /** It goes in the same write as the record: the names in it are those of the next shard of that key. */
  async #garbageOfRemoved (group: readonly Pending[]): Promise<ReadonlyMap<string, readonly Uint8Array[]>> {
    const rows = new Map<string, readonly Uint8Array[]>()
    for (const { changes } of group) {
      for (const { key, record } of changes) if (record === undefined) rows.set(key, await this.#rows.keys(garbageRange(key)).all())
    }
    return rows
  }
}

const versionNow = (now: StoredRecord | Uint8Array | undefined): bigint | 'absent' =>
  now === undefined ? 'absent' : now instanceof Uint8Array ? versionOf(now) : now.version

const operationsOf = ({ key, record, garbage = [] }: RecordChange, before: StoredRecord | undefined, version: bigint): Operation[] => {
  const operations: Operation[] = []
  // rows of a record that cannot be read are unknown: its state row is that of an errored one, or one that no scan minds
  if (before !== undefined) for (const row of indexRows(key, before.damaged ? undefined : before.record)) operations.push({ type: 'del', key: row })
  const oldNumber = before?.record.index?.shardNumber
  if (oldNumber !== undefined && oldNumber !== record?.index?.shardNumber) operations.push({ type: 'del', key: numberRow(oldNumber) })
  if (record === undefined) {
    operations.push({ type: 'del', key: recordRow(key) }, { type: 'del', key: findingsRow(key) })
  } else {
    operations.push({ type: 'put', key: recordKey(key), value: recordValue(record, version) })
    for (const row of indexRows(key, record)) operations.push({ type: 'put', key: row, value: PRESENT_TEXT })
    if (record.index !== undefined) operations.push({ type: 'put', key: numberRow(record.index.shardNumber), value: key })
    const named = takenUp(before?.record, record)
    if (named !== undefined) operations.push({ type: 'del', key: garbageRow(key, named).row })
  }
  for (const item of garbage) {
    const { row, value } = garbageRow(key, item)
    operations.push({ type: 'put', key: row, value })
  }
  return operations
}

const weight = (record: ShardRecord | undefined): number => record === undefined || isIndexed(record) ? 0 : 1

const compare = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.byteLength, b.byteLength)
  for (let at = 0; at < length; at++) {
    const difference = (a[at] as number) - (b[at] as number)
    if (difference !== 0) return difference
  }
  return a.byteLength - b.byteLength
}
