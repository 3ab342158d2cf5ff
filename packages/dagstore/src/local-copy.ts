/** The file given at registration: taken over once, as the copy of the first data generation. */
import type { Transients } from '@dagstore/mounts'
import { FIRST, type ShardRecord } from './machine/index.ts'
import type { Runners } from './runner/runners.ts'

/**
 * Durable on return. What was moved or linked is not looked for again where it was: whatever gets that name later is not ours.
 * A file that cannot be taken is done without from now on.
 *
 * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED`, `IO_FULL`
 * @throws {TypeError} the store has no port for local files
 */
export const takeOver = (runners: Runners, transients: Transients, key: string): Promise<void> => runners.visit(key, async ({ stored, commit }) => {
  const record = stored?.record
  if (record?.localCopy === undefined || record.destroying || record.dataGeneration > FIRST) return
  try {
    await transients.adopt({ key, generation: FIRST, ...record.localCopy })
  } catch (error) {
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
