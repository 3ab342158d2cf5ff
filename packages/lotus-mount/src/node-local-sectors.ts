/** Unsealed sector files in the storage folders of this machine, opened read-only; nothing is made in or beside them. */
import { stat } from 'node:fs/promises'
import type { ByteSource } from '@dagstore/io'
import { classifyNodeError } from '@dagstore/io/node'
import { sectorFileName } from '@dagstore/unsealed-sector'
import { type AnyFolder, findFile, hasFile, pathsOf } from './node-local-files.ts'
import type { OpenSectorFile, SectorFile } from './sector-file.ts'

/** Folders of sealed sectors; those of a sector that took its data later are in the second. Source: lotus storage/sealer/storiface/filetype.go. */
const SEALED = ['sealed', 'update'] as const

/**
 * Finds `<folder>/unsealed/s-t0<miner>-<sector>` in the first folder that has it, as Lotus lays out its storage paths. A folder
 * that cannot be looked at, or whose disk is not there, fails only when no other has the file.
 *
 * @param folders - storage paths, as `readStorageFolders` gives them or by their paths alone
 * @throws from the function it gives: {IoError} `IO_FORBIDDEN`, `IO_FAILED`; {RangeError} ids that are no u64
 */
export const localSectors = (folders: readonly AnyFolder[]): OpenSectorFile => {
  const open: OpenSectorFile = async (miner, sector, options = {}) => {
    const name = sectorFileName(miner, sector)
    const found = await findFile(folders, 'unsealed', name, options)
    return found === undefined ? undefined : withState(found.source, found.path, name)
  }
  const hasSealed: OpenSectorFile['hasSealed'] = async (miner, sector, options = {}) => {
    for (const kind of SEALED) if (await hasFile(folders, kind, sectorFileName(miner, sector), options)) return true
    return false
  }
  return Object.defineProperty(Object.assign(open, { hasSealed }), 'places', { get: () => pathsOf(folders) })
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
