/** Lists in pages, and what goes in and out of the store by the thousand. */
import { isAbsolute } from 'node:path'
import type { RegisterItem, RegisterOutcome, ShardInfo } from '@dagstore/dagstore'
import type { Directory } from '@dagstore/io'
import type { DagstoreAddResult, DagstoreImportResult, DagstoreShardsQuery, LotusApi, LotusCallOptions } from '@dagstore/lotus-api'
import { badParams, errorText, refusal } from './failures.ts'
import type { MountUrls } from './mount-urls.ts'
import { readPage, takePage } from './pages.ts'
import type { ShardParts } from './parts.ts'
import { findingOf, isOpen, shardOf } from './shard-wire.ts'

type ListMethods = Pick<LotusApi,
  | 'DagstoreQueryShards' | 'DagstoreListFindings' | 'DagstoreAdd' | 'DagstoreImportShards' | 'DagstoreExportShards' | 'DagstoreExportIndices' | 'DagstoreAdoptIndices'
>

/** Shards of one call. */
const MOST_ITEMS = 1000

export const listHandlers = ({ dagstore, folder }: ShardParts, urls: MountUrls): ListMethods => {
  const folderAt = (path: string): Directory => {
    if (folder === undefined) throw refusal('folders are not used by this node', undefined, 'RPC_UNAVAILABLE')
    // a relative one would be taken from wherever this process was started
    if (!isAbsolute(path) || path.includes('\0')) throw badParams('folder; want=an absolute path of this machine')
    return folder(path)
  }
  const shardAfter = async (key: string, outcome: RegisterOutcome, options: LotusCallOptions): Promise<DagstoreAddResult> => {
    const info: ShardInfo | undefined = outcome.ok ? outcome.info : await dagstore.shard(key, { signal: options.signal }).catch(() => undefined)
    return { Key: key, Error: outcome.ok ? '' : errorText(outcome.error), Shard: info === undefined ? null : shardOf(info, isOpen(options)) }
  }
  return {
    DagstoreQueryShards: async (query = {}, options = {}) => {
      const page = readPage(query)
      const fits = filterOf(query)
      if (fits === undefined) return { Shards: [], Next: null }
      const { items, next } = await takePage(dagstore.shards({ after: page.after, health: fits.health, signal: options.signal }), page, (info) => fits.is(info) ? shardOf(info, isOpen(options)) : undefined)
      return { Shards: items, Next: next }
    },
    DagstoreListFindings: async (query, { signal } = {}) => {
      const page = readPage(query)
      const { items, next } = await takePage(dagstore.doctorFindings({ after: page.after, signal }), page, ({ key, findings }) => ({ Key: key, Findings: findings.map(findingOf) }))
      return { Shards: items, Next: next }
    },
    DagstoreAdd: async (items, options = {}) => {
      const { signal } = options
      if (items.length > MOST_ITEMS) throw badParams(`items; most=${MOST_ITEMS} got=${items.length}`)
      const results: DagstoreAddResult[] = []
      const allowed: { readonly at: number, readonly item: RegisterItem }[] = []
      for (const [at, { Key, MountURL, Eager }] of items.entries()) {
        try {
          urls.check(MountURL)
          allowed.push({ at, item: { key: Key, mountUrl: MountURL, indexing: Eager === true ? 'eager' : 'lazy' } })
        } catch (error) {
          results[at] = { Key, Error: errorText(error), Shard: null }
        }
      }
      let next = 0
      for await (const outcome of dagstore.registerMany(allowed.map(({ item }) => item), { signal })) {
        const { at, item } = allowed[next++] as typeof allowed[number]
        results[at] = await shardAfter(item.key, outcome, options)
      }
      return results
    },
    DagstoreImportShards: async (lines, options = {}) => {
      checkLines(lines, urls)
      const results: DagstoreImportResult[] = []
      for await (const outcome of dagstore.importShards([encoder.encode(lines)], { signal: options.signal })) {
        results.push({
          Line: outcome.line,
          Key: outcome.key ?? null,
          Error: outcome.ok ? '' : errorText(outcome.error),
          Shard: outcome.ok ? shardOf(outcome.info, isOpen(options)) : null,
        })
      }
      return results
    },
    DagstoreExportShards: ({ signal } = {}) => textOf(dagstore.exportShards({ signal })),
    DagstoreExportIndices: (path, { signal } = {}) => {
      const directory = folderAt(path)
      return mapped(dagstore.exportIndices(directory, { signal }), (outcome) => outcome.ok
        ? { Key: outcome.key, Error: '', Name: outcome.name, SizeBytes: outcome.sizeBytes }
        : { Key: outcome.key, Error: errorText(outcome.error), Name: '', SizeBytes: 0 })
    },
    DagstoreAdoptIndices: (path, { signal } = {}) => {
      const directory = folderAt(path)
      return mapped(dagstore.adoptIndices(directory, { signal }), (outcome) => outcome.ok
        ? { Key: outcome.key, Error: '', Adopted: outcome.adopted, Entries: outcome.entries }
        : { Key: outcome.key, Error: errorText(outcome.error), Adopted: false, Entries: 0 })
    },
  }
}

interface Filter {
  /** What the catalogue can be asked for. */
  readonly health: ShardInfo['health'] | undefined
  readonly is: (info: ShardInfo) => boolean
}

/** `undefined`: no shard is ever in that state. */
const filterOf = ({ State, Code }: DagstoreShardsQuery): Filter | undefined => {
  const hasCode = ({ error }: ShardInfo): boolean => Code === undefined || error?.code === Code
  switch (State) {
    case undefined: return { health: undefined, is: hasCode }
    case 'ShardStateNew': return { health: 'new', is: hasCode }
    case 'ShardStateInitializing': return { health: 'initializing', is: hasCode }
    case 'ShardStateAvailable': return { health: 'available', is: (info) => info.leases === 0 && hasCode(info) }
    case 'ShardStateServing': return { health: 'available', is: (info) => info.leases > 0 && hasCode(info) }
    case 'ShardStateRecovering': return { health: 'recovering', is: hasCode }
    case 'ShardStateErrored': return { health: 'errored', is: hasCode }
    case 'ShardStateUnknown': return undefined
  }
}

const [encoder, decoder] = [new TextEncoder(), new TextDecoder()]

/**
 * The URLs of a list of shards are URLs from outside. One that is refused refuses the list: nothing is registered. Lines that are no
 * shards are left to who imports them; files that such a line lends are of another store, and none of this one's business.
 *
 * @throws {RpcError}
 */
const checkLines = (lines: string, urls: MountUrls): void => {
  for (let from = 0, line = 1; from < lines.length; line++) {
    const feed = lines.indexOf('\n', from)
    // as the importer reads the line: a mark of byte order before it does not count there
    const text = decoder.decode(encoder.encode(lines.slice(from, feed < 0 ? lines.length : feed)))
    from = feed < 0 ? lines.length : feed + 1
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      continue
    }
    if (typeof value !== 'object' || value === null) continue
    const { url, borrowed } = value as { readonly url?: unknown, readonly borrowed?: unknown }
    if (borrowed !== undefined && (typeof borrowed !== 'string' || !isAbsolute(borrowed))) throw refusal(`a list of shards lends a file without an absolute path; line=${line}`, undefined, 'MOUNT_FORBIDDEN')
    if (typeof url !== 'string') continue
    try {
      urls.check(url)
    } catch (error) {
      throw refusal(`a list of shards names a source that is refused; line=${line}`, error)
    }
  }
}

async function * textOf (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true })
  const rest = decoder.decode()
  if (rest !== '') yield rest
}

async function * mapped<T, R> (values: AsyncIterable<T>, read: (value: T) => R): AsyncGenerator<R, void, undefined> {
  for await (const value of values) yield read(value)
}
