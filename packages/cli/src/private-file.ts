/** Small files that only their owner may read: tokens, secrets, and where the daemon answers. */
import { randomBytes } from 'node:crypto'
import { link, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { codeOf } from './failure.ts'

const OWNER_ONLY = 0o600

/** The whole file or nothing, with mode 0600 from its first byte on; durable on return. Replaces what is there. */
export const writePrivateFile = (path: string, text: string): Promise<void> => placeFile(path, text, (draft) => rename(draft, path))

/** The same, unless there is a file of that name. @returns whether it was written */
export const createPrivateFile = async (path: string, text: string): Promise<boolean> => {
  try {
    await placeFile(path, text, async (draft) => {
      await link(draft, path)
      await unlink(draft)
    })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

const placeFile = async (path: string, text: string, place: (draft: string) => Promise<void>): Promise<void> => {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`)
  try {
    const file = await open(draft, 'wx', OWNER_ONLY)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await place(draft)
  } catch (error) {
    await unlink(draft).catch(() => {})
    throw error
  }
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** The names under which files are made. */
const DRAFT = /^\.[\w.-]+\.[0-9a-f]{16}\.tmp$/u
/** Nobody takes so long to write one. */
const OLD_MS = 60_000

/** What processes left that died while they wrote a file of this folder. Best effort: others may be writing at this moment, so only what is old goes. */
export const removePrivateDrafts = async (folder: string, names: readonly string[]): Promise<void> => {
  const found = await readdir(folder).catch(() => [])
  for (const name of found.filter((one) => DRAFT.test(one) && names.some((own) => one.startsWith(`.${own}.`)))) {
    const path = join(folder, name)
    const age = await stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0)
    if (age > OLD_MS) await unlink(path).catch(() => {})
  }
}

/** `undefined`: there is no such file. */
export const readPrivateFile = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** A missing file is no error. */
export const removePrivateFile = async (path: string): Promise<void> => {
  await unlink(path).catch((error: unknown) => { if (!isMissing(error)) throw error })
}

const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
