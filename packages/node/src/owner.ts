/** Who has the store: a small file beside the database, for the message that the next opener gets. The lock is the database's. */
import { readdir, readFile, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Directory } from '@dagstore/io'

export interface Owner {
  readonly pid: number
  readonly host: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  /** URL at which it answers for the store, if it does. */
  readonly api?: string
}

const FILE = 'owner.json'
/** The name under which the file is made. */
const DRAFT = /^\.owner\.json\.[0-9a-f]{16}\.tmp$/u

/** Written once the lock is held. */
export const writeOwner = async (files: Directory, now: number, api?: string): Promise<void> => {
  const owner: Owner = { pid: process.pid, host: hostname(), startedAt: new Date(now).toISOString(), ...(api === undefined ? {} : { api }) }
  await files.writeAtomic(FILE, [new TextEncoder().encode(`${JSON.stringify(owner)}\n`)])
}

/** What a process left that died while it wrote the file. Best effort, and only while the lock is held. */
export const removeOwnerDrafts = async (folder: string): Promise<void> => {
  const names = await readdir(folder).catch(() => [])
  await Promise.all(names.filter((name) => DRAFT.test(name)).map((name) => unlink(join(folder, name)).catch(() => {})))
}

/** Best effort: a file that stays says nothing while nobody has the lock. */
export const removeOwner = (folder: string): Promise<void> => unlink(join(folder, FILE)).catch(() => {})

/** `undefined`: no file, none of ours, or one of a process of this machine that is gone. */
export const readOwner = async (folder: string): Promise<Owner | undefined> => {
  try {
    const found: unknown = JSON.parse(await readFile(join(folder, FILE), 'utf8'))
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
