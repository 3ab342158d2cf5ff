/**
 * The records in a part of their own of a key-value database:
 *
 *     record/<id>      the import, as JSON; id as 20 decimal digits, so that keys sort by age
 *     source/<what>    id; what: JSON of source, fingerprint and how it was imported
 *     pending/<id>     '-': an import or a removal under way, whose files are to be removed
 *     last-id          the id that was given out last
 */
import { decodeRecord, encodeRecord, type ImportRecord } from './record.ts'
import type { AnyLevel } from '@dagstore/io'
import { type Change, createMemoryTexts, openLevelTexts, type Texts } from './texts.ts'

/** Every change is durable on return, and whole or not at all. @throws {ImportError} `IMPORT_FAILED`: the database failed */
export interface RecordTable {
  get(id: bigint): Promise<ImportRecord | undefined>
  /** The id of the newest import of this source; it may be of no record any more. */
  idOf(source: string): Promise<bigint | undefined>
  /** Texts of records by age, not decoded. */
  texts(): AsyncGenerator<readonly [key: string, text: string], void, undefined>
  pending(): Promise<readonly bigint[]>
  /** The id that was begun last; 0: none was. */
  lastId(): Promise<bigint>
  /** A new id is pending; ids ascend from call to call. */
  begin(id: bigint): Promise<void>
  /** The record is there and not pending any more; the one it replaces is gone and pending. */
  commit(record: ImportRecord, source: string | undefined, replaced: bigint | undefined): Promise<void>
  /** The record is gone and pending. */
  drop(id: bigint, source: string | undefined): Promise<void>
  /** Nothing is pending. */
  end(id: bigint): Promise<void>
}

const ID_DIGITS = 20
const LAST_ID = 'last-id'

/** The records in a sublevel of `db`, whatever its encodings. @throws {ImportError} `IMPORT_FAILED` */
export const openRecords = async (db: AnyLevel): Promise<RecordTable> => createRecordTable(await openLevelTexts(db))

/** Records that last as long as the process, for tests and for one-shot use on a directory that goes with it. */
export const createMemoryRecords = (): RecordTable => createRecordTable(createMemoryTexts())

const createRecordTable = (texts: Texts): RecordTable => ({
  get: async (id) => {
    const text = await texts.get(recordKey(id))
    return text === undefined ? undefined : decodeRecord(recordKey(id), text)
  },
  idOf: async (source) => toId(await texts.get(sourceKey(source))),
  texts: () => texts.scan('record/'),
  pending: async () => {
    const found: bigint[] = []
    for await (const [key] of texts.scan('pending/')) {
      const id = toId(key.slice('pending/'.length))
      if (id !== undefined) found.push(id)
    }
    return found
  },
  lastId: async () => toId(await texts.get(LAST_ID)) ?? 0n,
  begin: (id) => texts.change([putPending(id), { type: 'put', key: LAST_ID, value: id.toString() }]),
  commit: (record, source, replaced) => texts.change([
    ...replaced === undefined ? [] : [delRecord(replaced), putPending(replaced)],
    { type: 'put', key: recordKey(record.id), value: encodeRecord(record) },
    ...source === undefined ? [] : [{ type: 'put', key: sourceKey(source), value: record.id.toString() } as const],
    { type: 'del', key: pendingKey(record.id) },
  ]),
  drop: (id, source) => texts.change([
    delRecord(id),
    ...source === undefined ? [] : [{ type: 'del', key: sourceKey(source) } as const],
    putPending(id),
  ]),
  end: (id) => texts.change([{ type: 'del', key: pendingKey(id) }]),
})

const digitsOf = (id: bigint): string => id.toString().padStart(ID_DIGITS, '0')
const recordKey = (id: bigint): string => `record/${digitsOf(id)}`
const pendingKey = (id: bigint): string => `pending/${digitsOf(id)}`
const sourceKey = (source: string): string => `source/${source}`

const putPending = (id: bigint): Change => ({ type: 'put', key: pendingKey(id), value: '-' })
const delRecord = (id: bigint): Change => ({ type: 'del', key: recordKey(id) })

/** What is no id says nothing: a damaged entry must not keep the store from opening. */
const toId = (text: string | undefined): bigint | undefined => text !== undefined && /^[0-9]{1,20}$/.test(text) ? BigInt(text) : undefined
