/** Where the CAR of an import is, and whether anything is the matter with it that can be told without opening it. */
import { type ByteSource, type CallOptions, type Directory, IoError } from '@dagstore/io'
import type { ImportFault } from './imports.ts'
import type { ImportRecord } from './record.ts'
import type { SourceFiles, SourceStat } from './sources.ts'

export interface CarPlaces {
  /** Of ours. */
  readonly directory: Directory
  /** Of all others. */
  readonly sources: SourceFiles
}

/** The name of the CAR that we have written, if we have. */
export const ownCar = ({ carOwner, carPath }: ImportRecord): string | undefined => carOwner === 'importmgr' ? carPath : undefined

/** @throws {IoError}; {RefCarError} `REF_CAR_FORBIDDEN` */
export const openCarBytes = (record: ImportRecord & { readonly carPath: string }, { directory, sources }: CarPlaces, options: CallOptions): Promise<ByteSource> =>
  record.carOwner === 'importmgr' ? directory.openSource(record.carPath, options) : sources.open(record.carPath, options)

/** Its detached index. `undefined`: it has none, or lost it, and can be read all the same. */
export const openCarIndex = async ({ indexName }: ImportRecord, { directory }: CarPlaces, options: CallOptions): Promise<ByteSource | undefined> => {
  if (indexName === undefined) return undefined
  try {
    return await directory.openSource(indexName, options)
  } catch (error) {
    if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return undefined
    throw error
  }
}

/** `undefined`: nothing is wrong, as far as lengths tell. Never rejects but with the reason of an abort. */
export const faultOf = async (record: ImportRecord, places: CarPlaces, { signal }: CallOptions = {}): Promise<ImportFault | undefined> => {
  const broken = (message: string): ImportFault => ({ record, reason: 'broken', message })
  const { carPath, carBytes } = record
  if (record.damage !== undefined) return broken(`damaged record: ${record.damage}`)
  if (carPath === undefined) return { record, reason: 'no-car-path', message: 'made by a Lotus before 1.11.2, which had no CARs of imports' }
  if (record.root === undefined) return broken('no root that can be read')
  let found: SourceStat | undefined
  try {
    found = record.carOwner === 'importmgr' ? await places.directory.stat(carPath) : await places.sources.stat(carPath, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    return broken(error instanceof Error ? error.message : String(error))
  }
  if (found === undefined) return broken('its CAR is not there')
  if (found.kind !== 'file') return broken('its CAR is no file')
  if (carBytes === NOT_WHOLE) return broken('its CAR was torn when it was taken over')
  if (found.sizeBytes === 0) return broken('its CAR is empty')
  if (carBytes !== undefined && carBytes !== found.sizeBytes) return broken(`its CAR has another length; want=${carBytes} got=${found.sizeBytes}`)
  return undefined
}

/** Recorded as the length of a CAR that was none when it was looked at. */
export const NOT_WHOLE = 0
