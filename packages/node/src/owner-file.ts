/** Writes who has the store into a small file beside the database, for the message that the next opener gets. The lock is the database's. */
import { readdir, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Directory } from '@dagstore/io'
import { type Owner, OWNER_FILE } from './owner.ts'

/** The name under which the file is made. */
const DRAFT = /^\.owner\.json\.[0-9a-f]{16}\.tmp$/u

/** Written once the lock is held. */
export const writeOwner = async (files: Directory, now: number, api?: string): Promise<void> => {
  const owner: Owner = { pid: process.pid, host: hostname(), startedAt: new Date(now).toISOString(), ...(api === undefined ? {} : { api }) }
  await files.writeAtomic(OWNER_FILE, [new TextEncoder().encode(`${JSON.stringify(owner)}\n`)])
}

/** What a process left that died while it wrote the file. Best effort, and only while the lock is held. */
export const removeOwnerDrafts = async (folder: string): Promise<void> => {
  const names = await readdir(folder).catch(() => [])
  await Promise.all(names.filter((name) => DRAFT.test(name)).map((name) => unlink(join(folder, name)).catch(() => {})))
}

/** Best effort: a file that stays says nothing while nobody has the lock. */
export const removeOwner = (folder: string): Promise<void> => unlink(join(folder, OWNER_FILE)).catch(() => {})

