/** The file given at registration: the copy of the first data generation. */
import type { Transients } from '@dagstore/mounts'
import { FIRST, type ShardRecord } from './machine/index.ts'
import type { Runners } from './runner/runners.ts'

/**
 * Take it, unless it is taken. Durable on return. What was moved or linked is not looked for again where it was: whatever gets
 * that name later is not ours. A file that cannot be taken is done without from now on; one that has vanished is that.
 *
 * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED`, `IO_FULL`
 * @throws {TypeError} the store has no port for local files
 */
export const takeOver = (runners: Runners, transients: Transients, key: string, signal: AbortSignal): Promise<void> => runners.visit(key, async ({ stored, commit }) => {
  const record = stored?.record
  if (record?.localCopy === undefined || record.destroying || record.dataGeneration > FIRST) return
  // whoever reads it must be able to end while this is waited for
  if (runners.pins(key, { kind: 'data', generation: FIRST })) return
  try {
    await transients.adopt({ key, generation: FIRST, ...record.localCopy, signal })
  } catch (error) {
    signal.throwIfAborted()
    await commit({ record: { ...record, localCopy: undefined }, garbage: [] })
    throw error
  }
  if (record.localCopy.mode === 'borrow' && record.dataGeneration === FIRST) return
  await commit({ record: adopted(record, record.localCopy.mode), garbage: [] })
})

const adopted = (record: ShardRecord, mode: 'borrow' | 'move' | 'link'): ShardRecord => ({
  ...record,
  dataGeneration: FIRST,
  lastDataGeneration: Math.max(FIRST, record.lastDataGeneration),
  localCopy: mode === 'borrow' ? record.localCopy : undefined,
})
