/**
 * A shard's record as bytes: `version` (u64 big-endian), then JSON (UTF-8):
 *
 *     {"url":"file:///data/a.car","health":"available","dataGeneration":1,"indexGeneration":2,
 *      "index":{"generation":2,"shardNumber":7}}
 *
 * Optional: `destroying` (true), `lastDataGeneration` (where it is not `dataGeneration`), `building` (as `index`), `foreign` (true) of an index, `refresh`
 * ({url, dataGeneration}), `localCopy` ({path, mode}), `failure` ({code, message, at, retry, attempts, nextRetryAt}; without
 * attempts: 1). Unknown members are refused, so that a record of a later version is never written back without them.
 */
import type { Failure, Health, IndexGeneration, LocalCopy, ShardRecord } from '../machine/index.ts'
import { decodeText, encodeText } from './layout.ts'

export interface StoredRecord {
  readonly record: ShardRecord
  readonly version: bigint
  /** The bytes are no record of this version; `record` says so as its failure, and knows nothing else. */
  readonly damaged: boolean
}

const HEALTHS: readonly Health[] = ['new', 'initializing', 'available', 'recovering', 'errored']

const VERSION_BYTES = 8
/** One byte each. */
const ROOM = '\0'.repeat(VERSION_BYTES)

export const encodeRecord = (record: ShardRecord, version: bigint): Uint8Array => {
  const out = encodeText(`${ROOM}${jsonOf(record)}`)
  new DataView(out.buffer, out.byteOffset).setBigUint64(0, version)
  return out
}

/** The same, as text where that is what its bytes are. */
export const recordValue = (record: ShardRecord, version: bigint): Uint8Array | string =>
  version < 0x80n ? `${ROOM.slice(1)}${String.fromCharCode(Number(version))}${jsonOf(record)}` : encodeRecord(record, version)

const jsonOf = (record: ShardRecord): string => {
  const { url, health, destroying, dataGeneration, indexGeneration, index, building, refresh, localCopy, failure } = record
  const lastDataGeneration = record.lastDataGeneration === dataGeneration ? undefined : record.lastDataGeneration
  return JSON.stringify({
    url, health, ...(destroying ? { destroying } : {}), dataGeneration, lastDataGeneration, indexGeneration, index, building, refresh, localCopy, failure,
  })
}

/** Of a record that need not be read for it; 0: it is cut off. */
export const versionOf = (bytes: Uint8Array): bigint =>
  bytes.byteLength < VERSION_BYTES ? 0n : new DataView(bytes.buffer, bytes.byteOffset, VERSION_BYTES).getBigUint64(0)

/** Never throws: a record that cannot be read is kept, shown as errored, and can be destroyed. */
export const decodeRecord = (bytes: Uint8Array): StoredRecord => {
  const version = versionOf(bytes)
  try {
    return { record: parse(JSON.parse(decodeText(bytes.subarray(VERSION_BYTES)))), version, damaged: false }
  } catch (error) {
    return { record: unreadable(error instanceof Error ? error.message : String(error)), version, damaged: true }
  }
}

const unreadable = (reason: string): ShardRecord => ({
  url: '', health: 'errored', destroying: false, dataGeneration: 0, lastDataGeneration: 0, indexGeneration: 0, index: undefined, building: undefined,
  refresh: undefined, localCopy: undefined,
  failure: { code: 'DAGSTORE_BAD_RECORD', message: `record cannot be read; ${reason}`, at: '', retry: 'never', attempts: 1, nextRetryAt: undefined },
})

const MEMBERS = ['url', 'health', 'destroying', 'dataGeneration', 'lastDataGeneration', 'indexGeneration', 'index', 'building', 'refresh', 'localCopy', 'failure']
const MODES: readonly LocalCopy['mode'][] = ['borrow', 'move', 'link']

const parse = (json: unknown): ShardRecord => {
  const fields = new Fields(json, MEMBERS)
  const health = HEALTHS.find((name) => name === fields.get('health'))
  if (health === undefined) throw new TypeError('health')
  const destroying = fields.get('destroying')
  if (destroying !== undefined && destroying !== true) throw new TypeError('destroying')
  const dataGeneration = fields.count('dataGeneration')
  return {
    url: fields.text('url'),
    health,
    destroying: destroying === true,
    dataGeneration,
    lastDataGeneration: fields.get('lastDataGeneration') === undefined ? dataGeneration : fields.count('lastDataGeneration'),
    indexGeneration: fields.count('indexGeneration'),
    index: generation(fields.get('index')),
    building: generation(fields.get('building')),
    refresh: refresh(fields.get('refresh')),
    localCopy: localCopy(fields.get('localCopy')),
    failure: failure(fields.get('failure')),
  }
}

const generation = (json: unknown): IndexGeneration | undefined => {
  if (json === undefined) return undefined
  const fields = new Fields(json, ['generation', 'shardNumber', 'foreign'])
  const shardNumber = fields.count('shardNumber')
  if (shardNumber > 0xffff_ffff) throw new TypeError('shardNumber')
  const foreign = fields.get('foreign')
  if (foreign !== undefined && foreign !== true) throw new TypeError('foreign')
  return { generation: fields.count('generation'), shardNumber, ...(foreign === true ? { foreign } : {}) }
}

const refresh = (json: unknown): ShardRecord['refresh'] => {
  if (json === undefined) return undefined
  const fields = new Fields(json, ['url', 'dataGeneration'])
  return { url: fields.text('url'), dataGeneration: fields.count('dataGeneration') }
}

const localCopy = (json: unknown): LocalCopy | undefined => {
  if (json === undefined) return undefined
  const fields = new Fields(json, ['path', 'mode'])
  const mode = MODES.find((name) => name === fields.get('mode'))
  if (mode === undefined) throw new TypeError('mode')
  return { path: fields.text('path'), mode }
}

const failure = (json: unknown): Failure | undefined => {
  if (json === undefined) return undefined
  const fields = new Fields(json, ['code', 'message', 'at', 'retry', 'attempts', 'nextRetryAt'])
  const retry = fields.get('retry')
  if (retry !== 'never' && retry !== 'later') throw new TypeError('retry')
  return {
    code: fields.text('code'),
    message: fields.text('message'),
    at: fields.text('at'),
    retry,
    attempts: fields.get('attempts') === undefined ? 1 : fields.count('attempts'),
    nextRetryAt: fields.get('nextRetryAt') === undefined ? undefined : fields.text('nextRetryAt'),
  }
}

/** Members of a JSON object, each checked as it is read. */
class Fields {
  readonly #members: ReadonlyMap<string, unknown>

  constructor (json: unknown, known: readonly string[]) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TypeError('not an object')
    this.#members = new Map(Object.entries(json))
    for (const name of this.#members.keys()) if (!known.includes(name)) throw new TypeError(`unknown member; name=${name}`)
  }

  get (name: string): unknown { return this.#members.get(name) }

  text (name: string): string {
    const value = this.get(name)
    if (typeof value !== 'string') throw new TypeError(name)
    return value
  }

  count (name: string): number {
    const value = this.get(name)
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new TypeError(name)
    return value
  }
}
