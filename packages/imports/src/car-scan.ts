/** What a CAR that stays where it is has to be, and what is noted of it. */
import { probeReferences, readLayout, scanSections } from '@dagstore/carv2'
import type { ByteSource } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { ImportError } from './errors.ts'
import type { ImportProgressOptions } from './imports.ts'

export interface ScannedCar {
  readonly root: CID
  readonly form: 'ref' | 'car'
  readonly blocks: number
  readonly carBytes: number
}

/**
 * Structure, roots and the number of sections; blocks are not hashed.
 *
 * @throws {CarV2Error} not a whole CAR
 * @throws {ImportError} `IMPORT_BAD_CAR`: not exactly one root
 * @throws {IoError}
 */
export const scanCar = async (car: ByteSource, { signal, onProgress }: ImportProgressOptions): Promise<ScannedCar> => {
  // an index that cannot be where the header says does not matter: the sections are what is imported
  const layout = await readLayout(car, { badIndex: 'report', signal })
  const [root] = layout.roots
  if (root === undefined || layout.roots.length > 1) throw new ImportError('IMPORT_BAD_CAR', `a CAR to import has exactly one root; got=${layout.roots.length}`)
  const form = await probeReferences(car, layout, { signal }) ? 'ref' : 'car'
  const sections = scanSections(car, layout, { signal, ...onProgress === undefined ? {} : { onProgress } })
  let blocks = 0
  while ((await sections.next()).done !== true) blocks++
  signal?.throwIfAborted()
  return { root, form, blocks, carBytes: car.sizeBytes }
}
