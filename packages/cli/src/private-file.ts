/** Small files that only their owner may read: tokens, secrets, and where the daemon answers. */
import { randomBytes } from 'node:crypto'
import { open, readFile, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const OWNER_ONLY = 0o600

/** The whole file or nothing, with mode 0600 from its first byte on; durable on return. Replaces what is there. */
export const writePrivateFile = async (path: string, text: string): Promise<void> => {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`)
  try {
    const file = await open(draft, 'wx', OWNER_ONLY)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
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

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
