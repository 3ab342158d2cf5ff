/** Openings of mounts that may not listen to signals. */
import { withdrawable } from '@dagstore/io'
import type { Mount, MountBytes } from './mount.ts'

/** What the mount gives, or the signal's reason at once; what comes after that is closed. */
export const openedFor = async (mount: Pick<Mount, 'open'>, signal: AbortSignal | undefined): Promise<MountBytes> => {
  signal?.throwIfAborted()
  const opening = mount.open({ signal })
  opening.then((late) => {
    if (signal?.aborted === true && late.access === 'random') late.source.close().catch(() => {}) // nobody has it
  }, () => {})
  return withdrawable(opening, signal)
}
