/** Who has the store, for those who may not open it: the note beside the database. Nothing but a message and a way to ask hangs on it. */
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** The process that has a store open. */
export interface Owner {
  readonly pid: number
  readonly host: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  /** URL at which it answers for the store, if it does. */
  readonly api?: string
}

/** Its name in the folder of the store. */
export const OWNER_FILE = 'owner.json'

/** `undefined`: no file, none of ours, or one of a process of this machine that is gone. */
export const readOwner = async (folder: string): Promise<Owner | undefined> => {
  try {
    const found: unknown = JSON.parse(await readFile(join(folder, OWNER_FILE), 'utf8'))
    return isOwner(found) && !isGone(found) ? found : undefined
  } catch {
    return undefined
  }
}

const isOwner = (value: unknown): value is Owner =>
  typeof value === 'object' && value !== null && 'pid' in value && Number.isSafeInteger(value.pid) &&
  'host' in value && typeof value.host === 'string' && 'startedAt' in value && typeof value.startedAt === 'string' &&
  (!('api' in value) || typeof value.api === 'string')

const isGone = ({ pid, host }: Owner): boolean => {
  if (host !== hostname()) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    // another user's process refuses the signal, and is there all the same
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
