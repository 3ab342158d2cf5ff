/** What a process that died left behind. */
import type { Dirent } from 'node:fs'
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { CallOptions } from '../calls.ts'
import { isTemporaryName } from '../names.ts'
import { classifyNodeError, systemCode } from './errors.ts'

/**
 * Remove the temporary files that interrupted atomic writes left in the folder and below it; links are not followed. Only
 * for a folder in which nobody else writes: a write under way would lose its file.
 *
 * @returns how many were removed
 * @throws {IoError} `IO_FORBIDDEN`, `IO_FAILED`
 */
export const removeLeftovers = async (path: string, options: CallOptions = {}): Promise<number> => {
  options.signal?.throwIfAborted()
  let children: Dirent[]
  try {
    children = await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0
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
