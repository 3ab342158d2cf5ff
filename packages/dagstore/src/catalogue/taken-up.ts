/** What is garbage no longer. */
import type { Garbage, ShardRecord } from '../machine/index.ts'

/** Of an index that the record did not name before: garbage until then, where it was written before anything named it. */
export const takenUp = (before: ShardRecord | undefined, after: ShardRecord | undefined): Garbage | undefined =>
  after?.index === undefined || after.index.generation === before?.index?.generation ? undefined : { kind: 'index', ...after.index }
