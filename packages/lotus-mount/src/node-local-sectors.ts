/** Unsealed sector files in the storage folders of this machine, opened read-only; nothing is made in or beside them. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ByteSource, IoError } from '@dagstore/io'
import { classifyNodeError, openFileSource } from '@dagstore/io/node'
import { sectorFileName } from '@dagstore/unsealed-sector'
import type { OpenSectorFile, SectorFile } from './sector-file.ts'

/**
 * Finds `<folder>/unsealed/s-t0<miner>-<sector>` in the first folder that has it, as Lotus lays out its storage paths. A folder
 * that cannot be looked at fails only when no other has the file.
 *
 * @param folders - storage paths as in `storage.json`: each contains `unsealed/`, or may later
 * @throws from the function it gives: {IoError} `IO_FORBIDDEN`, `IO_FAILED`; {RangeError} ids that are no u64
 */
export const localSectors = (folders: readonly string[]): OpenSectorFile => Object.assign(openIn(folders), { places: [...folders] })

const openIn = (folders: readonly string[]): OpenSectorFile => async (miner, sector, options = {}) => {
  const name = sectorFileName(miner, sector)
  let failure: unknown
  for (const folder of folders) {
    options.signal?.throwIfAborted()
    const path = join(folder, 'unsealed', name)
    try {
      return withState(await openFileSource(path, { ...options, label: name }), path, name)
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!(error instanceof IoError) || error.code !== 'IO_NOT_FOUND') failure ??= error
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}

const withState = (source: ByteSource, path: string, name: string): SectorFile => {
  const { identity } = source
  const close = (): Promise<void> => source.close()
  return {
    sizeBytes: source.sizeBytes,
    identity,
    cost: source.cost,
    read: (at, length, call) => source.read(at, length, call),
    peek: (at, length) => source.peek(at, length),
    state: async () => {
      try {
        const found = await stat(path, { bigint: true })
        const same = identity.kind === 'file' && found.size === BigInt(identity.sizeBytes) && found.mtimeNs === identity.mtimeNs && found.ino === identity.inode
        return same ? 'same' : 'changed'
      } catch (error) {
        const failure = classifyNodeError(error, `sector file; name=${name}`)
        if (failure.code === 'IO_NOT_FOUND') return 'gone'
        throw failure
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
