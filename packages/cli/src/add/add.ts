/** Adding files to a store: each is looked at, brought where it is to stay, registered. */
import { realpath, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { RegisterItem, ShardInfo } from '@dagstore/dagstore'
import { IoError } from '@dagstore/io'
import { classifyNodeError, removeDrafts } from '@dagstore/io/node'
import { filePath, fileUrl } from '@dagstore/mounts'
import type { Bulk } from '../bulk.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { codeOf, CommandError } from '../failure.ts'
import { progressText } from '../progress.ts'
import { argument, quoted } from '../shards/keys.ts'
import { count } from '../text.ts'
import { mapAhead } from './ahead.ts'
import { hasChanged } from './changed.ts'
import type { AddFile } from './inputs.ts'
import { UNREADABLE } from './walk.ts'
import { CARS, type Kept, keepFile, type KeepKind } from './keep.ts'
import { keyOf, type KeyKind } from './key.ts'

/** `changed`: the shard is there, its file is not what it was when it was indexed. */
export type AddStatus = 'added' | 'indexed' | 'present' | 'changed'

export interface AddHow {
  readonly key: KeyKind
  readonly keep: KeepKind
  readonly eager: boolean
  readonly signal: AbortSignal
}

/** What became of one file: nothing yet, or all that there was to do. */
type Prepared =
  | { readonly file: AddFile, readonly key: string, readonly url: string, readonly before: ShardInfo | undefined, readonly changed: boolean, readonly kept: Kept }
  | { readonly file: AddFile, readonly key: string | undefined, readonly error: unknown }

/** Files that are looked at, or hashed, ahead of the one that is registered. */
const AHEAD = 16

export const addFiles = async (files: AsyncIterable<AddFile>, store: ShardBackend, how: AddHow, bulk: Bulk, told: (file: AddFile, status: AddStatus | 'failed', key: string | undefined) => string | undefined): Promise<void> => {
  // half copies of a run that was cut off
  if (how.keep !== 'borrow') {
    if (store.root === undefined) throw new CommandError('COMMAND_REFUSED', `--keep ${how.keep} needs the folder of the store, which a daemon at an address does not say (--keep borrow)`)
    // of a store that others use, half copies may be theirs
    if (store.daemon === undefined) await removeDrafts(join(store.root.path, CARS), { signal: how.signal })
  }
  /** What was given to the store and is not answered; a key may come twice. */
  const waiting = new Map<string, Extract<Prepared, { url: string }>[]>()
  const failed = async (file: AddFile, key: string | undefined, error: unknown): Promise<void> => {
    told(file, 'failed', key)
    await bulk.fail({ path: file.label, ...(key === undefined ? {} : { key }) }, error, file.label, await hintOf(error, key, file, how, store), key === undefined ? [] : [key])
  }
  const registrations = async function * (): AsyncGenerator<RegisterItem, void, undefined> {
    for await (const prepared of mapAhead(files, AHEAD, (file) => prepare(file, store, how, bulk))) {
      if ('error' in prepared) {
        await failed(prepared.file, prepared.key, prepared.error)
        continue
      }
      const { key, url } = prepared
      const same = waiting.get(key)
      if (same === undefined) waiting.set(key, [prepared])
      else same.push(prepared)
      yield { key, mountUrl: url, indexing: how.eager ? 'eager' : 'lazy' }
    }
  }
  for await (const result of store.dagstore.registerMany(registrations(), { signal: how.signal })) {
    const { key } = result
    const same = waiting.get(key) ?? []
    const prepared = same.shift()
    if (same.length === 0) waiting.delete(key)
    if (prepared === undefined) continue
    const { file, before, changed, kept } = prepared
    const elsewhere = !result.ok && codeOf(result.error) === 'DAGSTORE_SHARD_EXISTS' && isOfContent(how.key)
    if (!result.ok && !elsewhere) {
      await failed(file, key, result.error)
      continue
    }
    try {
      await kept.finish()
      const status = changed ? 'changed' : statusOf(before, result.ok ? result.info : undefined, how)
      await bulk.done({ path: file.label, key, status, ...(result.ok ? { mountUrl: result.info.mountUrl } : {}) }, told(file, status, key))
      bulk.status.show(() => `  add       ${count(bulk.succeeded + bulk.failed, 'file')} …`)
    } catch (error) {
      how.signal.throwIfAborted()
      await failed(file, key, error)
    }
  }
}

/** Keys that say what the bytes are. */
const isOfContent = (kind: KeyKind): boolean => kind === 'sha256' || kind === 'piece'

const prepare = async (file: AddFile, store: ShardBackend, how: AddHow, bulk: Bulk): Promise<Prepared> => {
  const { signal } = how
  let key: string | undefined
  try {
    key = await keyOf(how.key, file, { signal, onProgress: ({ doneBytes, totalBytes }) => { bulk.status.show(() => `${progressText(how.key, doneBytes, totalBytes)}  ${file.label}`) } })
    if (file.unsure) await mustBeThere(file)
    const root = store.root?.path
    const before = await store.dagstore.shard(key, { signal })
    // the file that the shard reads, which is another one where this one was copied, or has the same content
    const changed = before !== undefined && await hasChanged(store, before, pathOf(before, root) ?? file.path)
    const place = how.key === 'name' ? key : `${key}.car`
    const own = root === undefined || how.keep === 'borrow' ? undefined : resolve(root, CARS, place)
    if (before !== undefined && (own === undefined || pathOf(before, root) !== own)) {
      // what is there already is not moved; the same content under another name is the same shard
      const same = isOfContent(how.key) || await isSameFile(pathOf(before, root), file.path)
      return { file, key, url: same ? before.mountUrl : fileUrl(file.path), before, changed, kept: borrowed(file) }
    }
    const kept = root === undefined ? borrowed(file) : await keepFile(how.keep, file.path, root, place)
    return { file, key, url: fileUrl(kept.path), before, changed, kept }
  } catch (error) {
    signal.throwIfAborted()
    return { file, key, error }
  }
}

const borrowed = ({ path }: AddFile): Kept => ({ path, finish: async () => {} })

/** A name that is no UTF-8 finds nothing, and a link may lead nowhere. */
const mustBeThere = ({ path }: AddFile): Promise<unknown> => stat(path).catch((cause: unknown) => {
  throw path.includes(UNREADABLE) ? new IoError('IO_FAILED', 'name is not UTF-8', { cause }) : classifyNodeError(cause, 'the link leads nowhere')
})

/** Of a shard that is a file. */
const pathOf = ({ mountUrl }: ShardInfo, root: string | undefined): string | undefined => {
  const path = mountUrl.startsWith('file:') ? filePath(mountUrl) : undefined
  return path === undefined || root === undefined ? path : resolve(root, path)
}

const isSameFile = async (a: string | undefined, b: string): Promise<boolean> => {
  if (a === undefined || a === b) return a === b
  const [first, second] = await Promise.all([a, b].map((path) => realpath(path).catch(() => undefined)))
  return first !== undefined && first === second
}

const statusOf = (before: ShardInfo | undefined, after: ShardInfo | undefined, { eager }: AddHow): AddStatus => {
  if (eager && after?.health === 'available' && before?.health !== 'available') return 'indexed'
  return before === undefined && after !== undefined ? 'added' : 'present'
}

/** What the user may do about it. */
const hintOf = async (error: unknown, key: string | undefined, { path }: AddFile, how: AddHow, { dagstore }: ShardBackend): Promise<string | undefined> => {
  if (key === undefined) return undefined
  const others = how.key === 'name' || how.key === 'root' ? '; or choose other keys: --key sha256' : ''
  switch (codeOf(error)) {
    case 'DAGSTORE_SHARD_EXISTS': {
      const mount = (await dagstore.shard(key).catch(() => undefined))?.mountUrl
      return `${key} is ${mount ?? 'somewhere else'}; to read it from here: dagstore refresh --mount ${quoted(fileUrl(path))} ${argument(key)}${others}`
    }
    case 'DAGSTORE_SHARD_ERRORED': return `it is registered; once the cause is gone: dagstore recover-shard ${argument(key)}`
    case 'IO_EXISTS': return others.slice(2) || undefined
    default: return undefined
  }
}
