/** Everything that is under the root of an import, looked at or read. */
import type { ByteSource } from '@dagstore/io'
import { openRefCar, type RefCar } from '@dagstore/ref-carv2'
import { type CarPlaces, faultOf, openCarBytes, openCarIndex } from './car-place.ts'
import type { ImportCheck, VerifyImportOptions } from './imports.ts'
import type { OpeningParts } from './openings.ts'
import type { ImportRecord } from './record.ts'

/** What is wrong is told; only an abort rejects. */
export const checkImport = async (record: ImportRecord, parts: OpeningParts, { depth = 'full', signal, onProgress }: VerifyImportOptions): Promise<ImportCheck> => {
  const { carPath } = record
  const places: CarPlaces = parts
  const fault = await faultOf(record, places, { signal })
  const only = (code: string, message: string): ImportCheck =>
    ({ record, references: 0, files: 0, bytes: 0, faults: [{ cid: undefined, path: carPath, code, message }], faultCount: 1 })
  if (fault !== undefined || carPath === undefined) return only('IMPORT_BROKEN', fault?.message ?? 'no CAR')
  try {
    const data = await openCarBytes({ ...record, carPath }, places, { signal })
    let index: ByteSource | undefined
    let car: RefCar
    try {
      index = await openCarIndex(record, places, { signal })
      car = await openRefCar(data, { files: parts.sources, hashes: parts.hashes, pages: parts.pages, index, signal })
    } catch (error) {
      await index?.close()
      await data.close()
      throw error
    }
    try {
      if (car.roots.length !== 1 || car.roots[0]!.equals(record.root) !== true) return only('IMPORT_BROKEN', `its CAR is of another root; got=${car.roots.join()}`)
      return { ...await car.check({ depth, signal, onProgress }), record }
    } finally {
      await car.close()
    }
  } catch (error) {
    signal?.throwIfAborted()
    return only(codeOf(error), error instanceof Error ? error.message : String(error))
  }
}

const codeOf = (error: unknown): string => error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'IMPORT_BROKEN'
