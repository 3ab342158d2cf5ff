/** A file that is written beside its place and renamed: whole or not there. */
import { type FileHandle, open } from 'node:fs/promises'
import type { CallOptions } from '@dagstore/io'
import { classifyNodeError, makeBeside } from '@dagstore/io/node'
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
export const replacing = (path: string, { signal, force }: WriteFileOptions, make: (draft: string) => Promise<void>): Promise<void> => makeBeside(path, {
  signal,
  replaceFile: force,
  taken: (isFile) => new CommandError('COMMAND_REFUSED', isFile ? 'there is a file of that name' : 'there is something of that name that is no file'),
}, make)

const filed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw classifyNodeError(error, `${what} failed`)
  }
}
