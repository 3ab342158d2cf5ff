/** Files that somebody else writes anew now and then. */
import { stat } from 'node:fs/promises'
import type { Clock } from '../clock.ts'

/** Between two looks at the files. */
const LOOK_MS = 10_000

/**
 * Calls `changed` when the files have become others, a call at a time, until the signal is aborted. They are looked at every ten
 * seconds; links are followed, so one that leads to another file is a change.
 *
 * @param changed - must not reject
 */
export const watchFiles = async (paths: readonly string[], clock: Clock, signal: AbortSignal, changed: () => Promise<void>): Promise<void> => {
  let before = await versionsOf(paths)
  for (;;) {
    try {
      await clock.sleep(LOOK_MS, { signal })
    } catch {
      return
    }
    const now = await versionsOf(paths)
    if (now === before) continue
    before = now
    await changed()
  }
}

const versionsOf = async (paths: readonly string[]): Promise<string> => (await Promise.all(paths.map(async (path) => {
  const facts = await stat(path).catch(() => undefined) // between two renamings there may be none
  return facts === undefined ? 'none' : `${facts.ino} ${facts.size} ${facts.mtimeMs}`
}))).join('; ')
