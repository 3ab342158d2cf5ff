/** Folders whose names survive a power cut. */
import { constants, fsync, open, close } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, relative, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { IoError } from '../errors.ts'
import { classifyNodeError, systemCode } from './errors.ts'

const openFolder = promisify(open)
const closeFolder = promisify(close)
const syncDescriptor = promisify(fsync)

/** What a file system that cannot sync folders says; Windows refuses to open them at all. */
const CANNOT = new Set(process.platform === 'win32' ? ['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR', 'EACCES'] : ['EINVAL', 'ENOTSUP'])

/** Names made, changed and removed in the folder before the call survive a power cut, where the file system can do that. */
export const syncFolder = async (path: string, label: string): Promise<void> => {
  try {
    const fd = await openFolder(path, constants.O_RDONLY)
    try {
      await syncDescriptor(fd)
    } finally {
      await closeFolder(fd)
    }
  } catch (error) {
    if (!CANNOT.has(systemCode(error) ?? '')) throw classifyNodeError(error, `sync of a folder failed; path=${label}`)
  }
}

/** Makes the folders that a directory needs, once each, so that nobody writes into one whose own name is not durable yet. */
export class Folders {
  readonly #root: string
  readonly #label: string
  readonly #made = new Map<string, Promise<void>>()

  /** @param label - for messages: the root, as the user named it */
  constructor (root: string, label: string) {
    this.#root = resolve(root)
    this.#label = label
  }

  /** Resolves when `folder`, the root or below it, exists and its name and those of the folders above are durable. */
  async ensure (folder: string): Promise<void> {
    let made = this.#made.get(folder)
    if (made === undefined) {
      made = this.#make(folder)
      this.#made.set(folder, made)
      made.catch(() => this.#made.delete(folder))
    }
    await made
  }

  /** Folders were moved or removed: look at all of them anew. */
  forget (): void {
    this.#made.clear()
  }

  async #make (folder: string): Promise<void> {
    if (folder === this.#root) {
      const first = await this.#mkdir(folder, true)
      if (first === undefined) return
      // every name from the first new folder down to the root
      for (let at = folder; ; at = dirname(at)) {
        await syncFolder(dirname(at), this.#label)
        if (at === first) return
      }
    }
    await this.ensure(dirname(folder))
    await this.#mkdir(folder, false)
    // also when it existed: its maker may not have come this far
    await syncFolder(dirname(folder), this.#label)
  }

  /** The first folder that was made; `undefined` when none had to be. */
  async #mkdir (folder: string, recursive: boolean): Promise<string | undefined> {
    const name = relative(this.#root, folder).split(sep).join('/')
    try {
      return await mkdir(folder, { recursive })
    } catch (error) {
      const code = systemCode(error)
      if (code === 'EEXIST' && (await stat(folder).catch(() => undefined))?.isDirectory() === true) return undefined
      if (code === 'EEXIST' || code === 'ENOTDIR') {
        throw new IoError('IO_FAILED', `a file stands where a folder is needed; in=${this.#label} name=${name}`, { cause: error })
      }
      throw classifyNodeError(error, `folder not made; in=${this.#label} name=${name}`)
    }
  }
}
