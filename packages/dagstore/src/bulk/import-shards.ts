/** Registering what an export lists. What is registered already stays, so an import that was cut off is simply repeated. */
import { type BulkOptions, type BulkParts, isFatal, leaving, task } from './parts.ts'
import { DagstoreError } from '../errors.ts'
import { groupsOf } from './groups.ts'
import { GROUP, type Habit, registerGroup, type RegisterItem, type RegisterOutcome } from './register-many.ts'
import type { ShardInfo } from '../shard-info.ts'
import { checkHead, linesOf, parseLine, type ShardLine } from './shard-lines.ts'

export type ImportOutcome =
  /** `line`: from 1. */
  | { readonly line: number, readonly key: string, readonly ok: true, readonly info: ShardInfo }
  /** `key`: `undefined` where the line does not say one. @see Dagstore.register for the errors of registrations */
  | { readonly line: number, readonly key: string | undefined, readonly ok: false, readonly error: unknown }

type Line = { readonly line: number } & ({ readonly shard: RegisterItem } | { readonly key: string | undefined, readonly error: unknown })

export async function * importShards (bulk: BulkParts, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, { signal, onProgress }: BulkOptions): AsyncGenerator<ImportOutcome, void, undefined> {
  const leave = leaving(bulk, signal)
  let done = 0
  let failed = 0
  const habit: Habit = { known: false }
  leave.throwIfAborted()
  for await (const group of groupsOf(readLines(chunks), GROUP, bulk.parts.clock, leave)) {
    leave.throwIfAborted()
    const registered = await task(bulk, leave, () => registerGroup(bulk, group.flatMap((line) => 'shard' in line ? [line.shard] : []), leave, habit))
    let next = 0
    for (const line of group) {
      const outcome: ImportOutcome = 'shard' in line
        ? { line: line.line, ...await withoutCopy(bulk, line.shard, registered[next++] as RegisterOutcome, leave) }
        : { line: line.line, key: line.key, ok: false, error: line.error }
      done++
      if (!outcome.ok) failed++
      onProgress?.({ done, failed, total: undefined })
      yield outcome
    }
  }
}

/** A copy that was lent to the other store may be gone; the mount has the same bytes. */
const withoutCopy = async (bulk: BulkParts, { key, mountUrl, localCopy }: RegisterItem, outcome: RegisterOutcome, signal: AbortSignal): Promise<RegisterOutcome> => {
  if (outcome.ok || localCopy === undefined) return outcome
  try {
    return { key, ok: true, added: false, info: await bulk.register(key, mountUrl, { signal }) }
  } catch (error) {
    if (isFatal(error, signal)) throw error
    return outcome
  }
}

async function * readLines (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Line, void, undefined> {
  let line = 0
  let count = 0
  let end: number | undefined
  for await (const bytes of linesOf(chunks)) {
    if (++line === 1) {
      checkHead(bytes)
      continue
    }
    let found: ShardLine
    try {
      if (end !== undefined) throw new DagstoreError('DAGSTORE_BAD_EXPORT', `bad line in an export of shards: behind its end; line=${line}`)
      found = parseLine(bytes, line)
    } catch (error) {
      count++
      yield { line, key: undefined, error }
      continue
    }
    switch (found.type) {
      case 'end':
        end = found.count
        if (end !== count) yield { line, key: undefined, error: new DagstoreError('DAGSTORE_BAD_EXPORT', `lines are missing in an export of shards; want=${end} got=${count}`) }
        break
      case 'damaged':
        count++
        yield { line, key: found.key, error: new DagstoreError('DAGSTORE_BAD_RECORD', `the exporting store could not read the record; line=${line}`, { key: found.key }) }
        break
      case 'shard':
        count++
        yield { line, shard: { key: found.key, mountUrl: found.url, ...(found.borrowed === undefined ? {} : { localCopy: { path: found.borrowed, mode: 'borrow' } }) } }
    }
  }
  if (line === 0) checkHead(undefined)
  if (end === undefined) yield { line: line + 1, key: undefined, error: new DagstoreError('DAGSTORE_BAD_EXPORT', `an export of shards was cut off; lines=${line}`) }
}
