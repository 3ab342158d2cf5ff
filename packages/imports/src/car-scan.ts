/** What a CAR that stays where it is has to be, and what is noted of it. */
import { buildIndexStream, CAR_LIMITS, CarV2Error, probeReferences, readLayout, refuseReferences } from '@dagstore/carv2'
import type { ByteSource, CallOptions, Directory, WritableFile } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { ImportError } from './errors.ts'
import type { ImportNames } from './import-names.ts'
import type { ImportProgressOptions } from './imports.ts'
import type { SourceFiles } from './sources.ts'

export interface ScannedCar {
  readonly root: CID
  readonly form: 'ref' | 'car'
  readonly indexName: string
  readonly blocks: number
  readonly carBytes: number
}

/** That a CAR can be imported, as far as its head tells. @throws {CarV2Error} no CAR; {ImportError} `IMPORT_BAD_CAR`: not exactly one root; {IoError} */
export const rootOf = async (car: ByteSource, { signal }: ImportProgressOptions): Promise<CID> => {
  const { roots } = await readLayout(car, { badIndex: 'report', signal })
  if (roots.length !== 1) throw new ImportError('IMPORT_BAD_CAR', `a CAR to import has exactly one root; got=${roots.length}`)
  const root = roots[0]!
  const { byteLength } = root.bytes
  if (byteLength > CAR_LIMITS.maxCidBytes) throw new ImportError('IMPORT_BAD_CAR', `root is longer than a CID may be; length=${byteLength} max=${CAR_LIMITS.maxCidBytes}`)
  return root
}

/** That a file is no CAR of references, which is nobody's content: without the files that it leads to it is worth nothing. @throws {CarV2Error} `CARV2_REFERENCES` */
export const refuseAsContent = async (sources: Pick<SourceFiles, 'open'>, path: string, { signal }: CallOptions): Promise<void> => {
  const file = await sources.open(path, { signal })
  try {
    await refuseReferences(file, await readLayout(file, { badIndex: 'report', signal }), 'the file', { signal })
  } catch (error) {
    // whatever else it is
    if (!(error instanceof CarV2Error) || error.code === 'CARV2_REFERENCES') throw error
  } finally {
    await file.close()
  }
}

/**
 * Structure, root and the number of sections; blocks are not hashed. Its index is written into `directory`, durable on return;
 * when it rejects, what there is of it is the caller's to remove.
 *
 * @throws as {@link rootOf}; {CarV2Error} not a whole CAR
 */
export const scanCar = async (car: ByteSource, directory: Directory, names: ImportNames, { signal, onProgress }: ImportProgressOptions): Promise<ScannedCar> => {
  const root = await rootOf(car, { signal })
  // an index that cannot be where the header says does not matter: the sections are what is imported
  const layout = await readLayout(car, { badIndex: 'report', signal })
  const form = await probeReferences(car, layout, { signal }) ? 'ref' : 'car'
  let scratch: WritableFile | undefined
  try {
    const index = await buildIndexStream(car, { layout, signal, onProgress, scratch: async () => scratch = await directory.openWritable(names.scratch, 'new') })
    await directory.writeAtomic(names.index, index.encode({ signal }), { signal })
    signal?.throwIfAborted()
    return { root, form, indexName: names.index, blocks: index.entryCount, carBytes: car.sizeBytes }
  } finally {
    await scratch?.close()
    if (scratch !== undefined) await directory.remove(names.scratch)
  }
}
