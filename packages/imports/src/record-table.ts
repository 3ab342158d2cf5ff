/**
 * The records in a part of their own of a key-value database:
 *
 *     /client/stores/<id>         the labels of the import, as Lotus has them; id in decimal
 *     root/<CID>/<id>             '-'; CID of version 1 as text, id as 20 decimal digits, so that keys sort by age
 *     source/<what>               id; what: JSON of source, fingerprint and how it was imported
 *     pending/<id>                JSON list of names of files that are to be removed: of an import or a removal under way
 *     last-id                     the id that was given out last
 *
 * Earlier versions had other records under `record/<id>`, and '-' as pending.
 */
import type { AnyLevel } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { decodeLabels, encodeLabels, type Labels } from './labels.ts'
import { type ImportRecord, recordOf } from './record.ts'
import { labelsOfV1 } from './record-v1.ts'
import { sourceKeysOf } from './source-key.ts'
import { type Change, createMemoryTexts, openLevelTexts, type Texts } from './texts.ts'

/** A record with its labels, those of others included. */
export interface StoredImport { readonly record: ImportRecord, readonly labels: Labels }

export interface RecordChange {
  readonly id: bigint
  /** `undefined`: the record goes. */
  readonly labels: Labels | undefined
  /** The import is found by this source from now on. @default as it was, as long as there is a record */
  readonly source?: string | undefined
  /** Another import whose record goes. */
  readonly replaced?: PendingFiles | undefined
  /** Files of this id that are to be removed when this is written. @default as before */
  readonly leftover?: readonly string[] | undefined
}

export interface PendingFiles { readonly id: bigint, readonly names: readonly string[] }

/** Every change is durable on return, and whole or not at all; those of one id come one after another. @throws {ImportError} `IMPORT_FAILED`: the database failed */
export interface RecordTable {
  get(id: bigint): Promise<StoredImport | undefined>
  /** Ascending. Eight bytes of memory for each. */
  ids(): Promise<BigUint64Array>
  /** Ascending. */
  idsOfRoot(root: CID): AsyncGenerator<bigint, void, undefined>
  /** The id of the newest import of this source; it may be of no record any more. */
  idOf(source: string): Promise<bigint | undefined>
  pending(): Promise<readonly PendingFiles[]>
  /** The id that was begun last; 0: none was. */
  lastId(): Promise<bigint>
  /** What is written for this id comes under these names, and is to be removed unless it gets a record; ids that are new ascend from call to call. */
  begin(files: PendingFiles, isNew: boolean): Promise<void>
  change(change: RecordChange): Promise<void>
  /** Nothing is pending. */
  end(id: bigint): Promise<void>
}

const ID_DIGITS = 20
const LAST_ID = 'last-id'
const RECORDS = '/client/stores/'
const RECORDS_V1 = 'record/'

/** The records in a sublevel of `db`, whatever its encodings; those of earlier versions are rewritten. @throws {ImportError} `IMPORT_FAILED` */
export const openRecords = async (db: AnyLevel): Promise<RecordTable> => {
  const texts = await openLevelTexts(db)
  await rewriteV1(texts)
  return createRecordTable(texts)
}

/** Records that last as long as the process, for tests and for one-shot use on a directory that goes with it. */
export const createMemoryRecords = (): RecordTable => createRecordTable(createMemoryTexts())

const createRecordTable = (texts: Texts): RecordTable => {
  const get: RecordTable['get'] = async (id) => {
    const text = await texts.get(recordKey(id))
    return text === undefined ? undefined : storedOf(id, text)
  }
  const idOf: RecordTable['idOf'] = async (source) => toId(await texts.get(sourceKey(source)))
  /** What is written of a record beside it. */
  const removal = async (stored: StoredImport | undefined): Promise<readonly Change[]> => {
    if (stored === undefined) return []
    const { record } = stored
    const changes = rootRow(record).map(({ key }): Change => ({ type: 'del', key }))
    for (const source of sourceKeysOf(record)) if (await idOf(source) === record.id) changes.push({ type: 'del', key: sourceKey(source) })
    return changes
  }
  return {
    get,
    idOf,
    ids: async () => {
      const found: bigint[] = []
      for await (const key of texts.keys(RECORDS)) {
        const id = toId(key.slice(RECORDS.length))
        if (id !== undefined) found.push(id)
      }
      return BigUint64Array.from(found).sort()
    },
    idsOfRoot: async function * (root) {
      for await (const key of texts.keys(rootPrefix(root))) {
        const id = toId(key.slice(key.lastIndexOf('/') + 1))
        if (id !== undefined) yield id
      }
    },
    pending: async () => {
      const found: PendingFiles[] = []
      for await (const [key, text] of texts.scan('pending/')) {
        const id = toId(key.slice('pending/'.length))
        if (id !== undefined) found.push({ id, names: namesOf(id, text) })
      }
      return found
    },
    lastId: async () => toId(await texts.get(LAST_ID)) ?? 0n,
    begin: async ({ id, names }, isNew) => {
      const before = await texts.get(pendingKey(id))
      await texts.change([
        putPending({ id, names: [...new Set([...before === undefined ? [] : namesOf(id, before), ...names])] }),
        ...isNew ? [{ type: 'put', key: LAST_ID, value: id.toString() } as const] : [],
      ])
    },
    change: async ({ id, labels, source, replaced, leftover }) => {
      const before = await get(id)
      const after = labels === undefined ? undefined : recordOf(id, labels)
      const keepsSource = source === undefined && after !== undefined
      await texts.change([
        ...replaced === undefined ? [] : [...await removal(await get(replaced.id)), delRecord(replaced.id), putPending(replaced)],
        ...keepsSource && before !== undefined ? rootRow(before.record).map(({ key }): Change => ({ type: 'del', key })) : await removal(before),
        ...labels === undefined || after === undefined ? [delRecord(id)] : [{ type: 'put', key: recordKey(id), value: encodeLabels(labels) } as const, ...rootRow(after)],
        ...source === undefined ? [] : [{ type: 'put', key: sourceKey(source), value: id.toString() } as const],
        ...leftover === undefined ? [] : [leftover.length === 0 ? { type: 'del', key: pendingKey(id) } as const : putPending({ id, names: leftover })],
      ])
    },
    end: (id) => texts.change([{ type: 'del', key: pendingKey(id) }]),
  }
}

/** A damaged record is one of which only the id is known. */
const storedOf = (id: bigint, text: string): StoredImport => {
  try {
    const labels = decodeLabels(text)
    return { labels, record: recordOf(id, labels) }
  } catch (error) {
    const labels = new Map<string, string>()
    return { labels, record: recordOf(id, labels, error instanceof Error ? error.message : String(error)) }
  }
}

const rewriteV1 = async (texts: Texts): Promise<void> => {
  for await (const [key, text] of texts.scan(RECORDS_V1)) {
    const id = toId(key.slice(RECORDS_V1.length))
    const labels = labelsOfV1(text)
    await texts.change([
      { type: 'del', key },
      ...id === undefined ? [] : [{ type: 'put', key: recordKey(id), value: labels === undefined ? text : encodeLabels(labels) } as const],
      ...id === undefined || labels === undefined ? [] : rootRow(recordOf(id, labels)),
    ])
  }
}

const digitsOf = (id: bigint): string => id.toString().padStart(ID_DIGITS, '0')
const recordKey = (id: bigint): string => `${RECORDS}${id}`
const pendingKey = (id: bigint): string => `pending/${digitsOf(id)}`
const sourceKey = (source: string): string => `source/${source}`
const rootPrefix = (root: CID): string => `root/${root.toV1().toString()}/`

const rootRow = ({ id, root }: ImportRecord): readonly Change[] => root === undefined ? [] : [{ type: 'put', key: `${rootPrefix(root)}${digitsOf(id)}`, value: '-' }]
const putPending = ({ id, names }: PendingFiles): Change => ({ type: 'put', key: pendingKey(id), value: JSON.stringify(names) })
const delRecord = (id: bigint): Change => ({ type: 'del', key: recordKey(id) })

const MAX_ID = 2n ** 64n - 1n

/** What is no id says nothing: a damaged entry must not keep the store from opening. */
const toId = (text: string | undefined): bigint | undefined => {
  const id = text !== undefined && /^[0-9]{1,20}$/.test(text) ? BigInt(text) : undefined
  return id !== undefined && id <= MAX_ID ? id : undefined
}

/** Names of this id alone, whatever stands there. */
const namesOf = (id: bigint, text: string): readonly string[] => {
  let names: unknown
  try {
    names = JSON.parse(text)
  } catch {
    names = undefined
  }
  if (!Array.isArray(names)) return [`${id}.part`, `${id}.scratch`, `${id}.car`, `${id}.idx`]
  return names.filter((name): name is string => typeof name === 'string' && name.startsWith(`${id}.`) && /^[a-z0-9.]+$/.test(name))
}
