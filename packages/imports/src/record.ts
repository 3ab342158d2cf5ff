/**
 * What is remembered of an import, and its form in the database:
 *
 *     {"id":"1629158400000000000","root":"bafy…","source":"import","filename":"/data/a","fingerprint":"…","profile":"lotus-2021",
 *      "carName":"1629158400000000000.car","carOwner":"importmgr","blocks":3,"carBytes":5213,"fileBytes":1234}
 *
 * Source: the labels of lotus node/repo/imports/manager.go (`source`, `root`, `filename`, `car_path`, `car_owner`).
 */
import { type Profile, PROFILES } from '@dagstore/unixfs-builder'
import { CID } from 'multiformats/cid'
import { ImportError } from './errors.ts'

/** Lengths in bytes. */
export interface ImportRecord {
  /** Unique for ever; above 2^53. */
  readonly id: bigint
  readonly root: CID
  readonly source: 'import'
  /** Where the content came from, as the importer named it (`sourceLabel`, or the path of a CAR). */
  readonly filename: string
  /** What told this version of the source from others; `undefined`: never taken for another one's. */
  readonly fingerprint: string | undefined
  /** How the content was made into blocks; `undefined`: a CAR that was made elsewhere. */
  readonly profile: Profile | undefined
  /** Of `importmgr`: below the directory of the imports. Of `user`: the path that was given. */
  readonly carName: string
  /** `importmgr`: written and removed by us. `user`: used in place, never touched. */
  readonly carOwner: 'importmgr' | 'user'
  /** Sections of the CAR. */
  readonly blocks: number
  /** The CAR file. */
  readonly carBytes: number
  /** Content of the files; `undefined` for a CAR that was made elsewhere. */
  readonly fileBytes: number | undefined
}

export const encodeRecord = (record: ImportRecord): string => JSON.stringify({ ...record, id: record.id.toString(), root: record.root.toString() })

/** @throws {ImportError} `IMPORT_BAD_RECORD` */
export const decodeRecord = (key: string, text: string): ImportRecord => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) throw new TypeError('not an object')
    const fields = new Map<string, unknown>(Object.entries(value))
    return {
      id: BigInt(textOf(fields, 'id')),
      root: CID.parse(textOf(fields, 'root')),
      source: oneOf(fields, 'source', ['import']),
      filename: textOf(fields, 'filename'),
      fingerprint: fields.has('fingerprint') ? textOf(fields, 'fingerprint') : undefined,
      profile: fields.has('profile') ? oneOf(fields, 'profile', PROFILES) : undefined,
      carName: textOf(fields, 'carName'),
      carOwner: oneOf(fields, 'carOwner', ['importmgr', 'user']),
      blocks: countOf(fields, 'blocks'),
      carBytes: countOf(fields, 'carBytes'),
      fileBytes: fields.has('fileBytes') ? countOf(fields, 'fileBytes') : undefined,
    }
  } catch (cause) {
    throw new ImportError('IMPORT_BAD_RECORD', `damaged record of an import; key=${key}`, { cause })
  }
}

const textOf = (fields: ReadonlyMap<string, unknown>, name: string): string => {
  const value = fields.get(name)
  if (typeof value !== 'string') throw new TypeError(`not a text; field=${name}`)
  return value
}

const countOf = (fields: ReadonlyMap<string, unknown>, name: string): number => {
  const value = fields.get(name)
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new TypeError(`not a number of things; field=${name}`)
  return value
}

const oneOf = <T extends string>(fields: ReadonlyMap<string, unknown>, name: string, known: readonly T[]): T => {
  const value = known.find((candidate) => candidate === fields.get(name))
  if (value === undefined) throw new TypeError(`not one of ${known.join()}; field=${name}`)
  return value
}
