/** A file that is written beside its place and renamed: whole or not there. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { CallOptions } from '@dagstore/io'
import { classifyNodeError } from '@dagstore/io/node'
import { CommandError } from '../failure.ts'

export interface WriteFileOptions extends CallOptions {
  /** A file that is there is replaced; nothing else ever is. */
  readonly force: boolean
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** @throws {CommandError} `COMMAND_REFUSED`: something is there. {IoError}; what `content` throws */
export const writeFileWhole = (path: string, content: AsyncIterable<Uint8Array>, { signal, force, onBytes = () => {} }: WriteFileOptions): Promise<void> =>
  replacing(path, { signal, force }, async (draft) => {
    const file: FileHandle = await filed('create', () => open(draft, 'wx'))
    try {
      for await (const chunk of content) {
        signal?.throwIfAborted()
        await filed('write', () => file.writeFile(chunk))
        onBytes(chunk.byteLength)
      }
      await filed('sync', () => file.sync())
    } finally {
      await file.close()
    }
  })

/**
 * What is at the draft's path takes the place of what was at the target; on any failure the draft goes and the target is as it was.
 *
 * @param make - makes a file or folder at the path that it is given
 */
export const replacing = async (path: string, { signal, force }: WriteFileOptions, make: (draft: string) => Promise<void>): Promise<void> => {
  signal?.throwIfAborted()
  await checkTarget(path, force)
  const draft = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(8).toString('hex')}.tmp`)
  try {
    await make(draft)
    signal?.throwIfAborted()
    await checkTarget(path, force)
    await filed('rename', () => rename(draft, path))
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}

const checkTarget = async (path: string, force: boolean): Promise<void> => {
  const found = await lstat(path).catch((error: unknown) => {
    const known = classifyNodeError(error, 'the place cannot be looked at')
    if (known.code === 'IO_NOT_FOUND') return undefined
    throw known
  })
  if (found === undefined || (force && found.isFile())) return
  throw new CommandError('COMMAND_REFUSED', found.isFile() ? 'there is a file of that name' : 'there is something of that name that is no file')
}

const filed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw classifyNodeError(error, `${what} failed`)
  }
}
