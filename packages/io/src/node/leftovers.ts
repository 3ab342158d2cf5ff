/** What a process that died left behind. */
import type { Dirent } from 'node:fs'
import { mkdir, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { CallOptions } from '../calls.ts'
import { DRAFTS, isTemporaryName } from '../names.ts'
import { classifyNodeError, systemCode } from './errors.ts'

/**
 * Remove the temporary files that interrupted atomic writes left in the folder and below it; links are not followed. Only
 * for a folder in which nobody else writes: a write under way would lose its file.
 *
 * @returns how many were removed
 * @throws {IoError} `IO_FORBIDDEN`, `IO_FAILED`
 */
export const removeLeftovers = async (path: string, options: CallOptions = {}): Promise<number> => await sweep(path, options) ?? 0

/**
 * The same for one of the `draftsIn` of a directory: only its `.drafts` is looked at, whatever else there is. A folder without
 * one may have temporary files anywhere; it is walked this once, and has one on return.
 *
 * @returns how many were removed
 * @throws {IoError} `IO_FORBIDDEN`, `IO_FAILED`
 */
export const removeDrafts = async (path: string, options: CallOptions = {}): Promise<number> => {
  const drafts = join(path, DRAFTS)
  const swept = await sweep(drafts, options)
  if (swept !== undefined) return swept
  const removed = await removeLeftovers(path, options)
  await mkdir(drafts, { recursive: true }).catch((error: unknown) => { throw classifyNodeError(error, `folder not made; path=${drafts}`) })
  return removed
}

/** `undefined`: there is no such folder. */
const sweep = async (path: string, options: CallOptions): Promise<number | undefined> => {
  options.signal?.throwIfAborted()
  let children: Dirent[]
  try {
    children = await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw classifyNodeError(error, `list failed; path=${path}`)
  }
  let removed = 0
  for (const child of children) {
    const at = join(path, child.name)
    if (child.isDirectory()) {
      removed += await removeLeftovers(at, options)
    } else if (child.isFile() && isTemporaryName(child.name)) {
      await unlink(at).catch((error: unknown) => { throw classifyNodeError(error, `remove failed; path=${at}`) })
      removed++
    }
  }
  return removed
}
