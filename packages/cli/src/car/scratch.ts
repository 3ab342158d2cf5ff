/** A file for indices that are larger than memory, made when one is needed and gone with the command. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WritableFile } from '@dagstore/io'
import { openWritableFile } from '@dagstore/io/node'

export const withScratch = async <T>(work: (scratch: () => Promise<WritableFile>) => Promise<T>): Promise<T> => {
  const made: { folder?: string, readonly files: WritableFile[] } = { files: [] }
  try {
    return await work(async () => {
      made.folder ??= await mkdtemp(join(tmpdir(), 'dagstore-index-'))
      const file = await openWritableFile(join(made.folder, `runs-${made.files.length}`), 'new')
      made.files.push(file)
      return file
    })
  } finally {
    for (const file of made.files) await file.close()
    if (made.folder !== undefined) await rm(made.folder, { recursive: true, force: true })
  }
}
