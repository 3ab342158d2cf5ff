/** What is remembered of an import, and the labels that say it. */
import { type Profile, PROFILES } from '@dagstore/unixfs-builder'
import { CID } from 'multiformats/cid'
import { LABEL, type Labels, OWN_LABEL } from './labels.ts'

export type LinkPolicy = 'refuse' | 'skip' | 'keep'

/**
 * What a CAR is. `ref`: leaves are references into the files that were imported. `dense`: it holds its data. `car`: somebody's,
 * which holds its data, used in place. `unknown`: Lotus's, not looked into.
 */
export type ImportForm = 'ref' | 'dense' | 'car' | 'unknown'

/** What has been computed of the payload form; lengths in bytes. */
export interface ImportPiece {
  readonly pieceCid: CID
  readonly paddedBytes: number
  readonly payloadBytes: number
}

/** Lengths in bytes. What is `undefined` was not recorded, unless it says otherwise. */
export interface ImportRecord {
  /** Unique for ever; above 2^53. */
  readonly id: bigint
  /** `undefined`: there is none that can be read; such an import is broken. */
  readonly root: CID | undefined
  /** `import`: from a file or folder, or a CAR. `import-local`: streamed here by a client. */
  readonly source: 'import' | 'import-local' | 'unknown'
  /** Where the content came from, as the importer named it (`sourceLabel`, or the path of a CAR); empty where nobody did. */
  readonly filename: string
  /** Of ours: a name below the folder of the imports. Of others: the path that was given. `undefined`: made before there were CARs of imports. */
  readonly carPath: string | undefined
  /** `importmgr`: written and removed by us. `user`: used in place, never touched. */
  readonly carOwner: 'importmgr' | 'user'
  readonly form: ImportForm
  /** Of a CAR used in place: name of its index, below the folder of the imports. */
  readonly indexName: string | undefined
  /** How the content was made into blocks. */
  readonly profile: Profile | undefined
  /** What became of symbolic links. */
  readonly links: LinkPolicy | undefined
  /** What told this version of the source from others. */
  readonly fingerprint: string | undefined
  /** Sections of the CAR. */
  readonly blocks: number | undefined
  /** The CAR file. */
  readonly carBytes: number | undefined
  /** Content of the files. */
  readonly fileBytes: number | undefined
  /** Of the payload form, once somebody has asked for it. */
  readonly piece: ImportPiece | undefined
  /** Why nothing of the record can be read; such an import is broken, and can be removed. */
  readonly damage: string | undefined
}

/** An import with everything that reading it takes. */
export interface WholeImport extends ImportRecord {
  readonly root: CID
  readonly carPath: string
  readonly blocks: number
  readonly carBytes: number
}

export const isWhole = (record: ImportRecord): record is WholeImport =>
  record.root !== undefined && record.carPath !== undefined && record.blocks !== undefined && record.carBytes !== undefined

/** Labels that cannot be understood count as absent. */
export const recordOf = (id: bigint, labels: Labels, damage?: string): ImportRecord => {
  const label = (name: string): string | undefined => labels.get(name) === '' ? undefined : labels.get(name)
  const carPath = label(LABEL.carPath)
  return {
    id,
    root: cidOf(label(LABEL.root)),
    source: oneOf(label(LABEL.source), ['import', 'import-local']) ?? 'unknown',
    filename: labels.get(LABEL.filename) ?? '',
    carPath,
    carOwner: label(LABEL.carOwner) === 'importmgr' && (carPath === undefined || isOwnName(id, carPath)) ? 'importmgr' : 'user',
    form: oneOf(label(OWN_LABEL.form), ['ref', 'dense', 'car']) ?? 'unknown',
    indexName: indexNameOf(id, label(OWN_LABEL.index)),
    profile: oneOf(label(OWN_LABEL.profile), PROFILES),
    links: oneOf(label(OWN_LABEL.links), ['refuse', 'skip', 'keep']),
    fingerprint: labels.get(OWN_LABEL.fingerprint),
    blocks: countOf(label(OWN_LABEL.blocks)),
    carBytes: countOf(label(OWN_LABEL.carBytes)),
    fileBytes: countOf(label(OWN_LABEL.fileBytes)),
    piece: pieceOf(label),
    damage,
  }
}

/** The labels of a record, on top of those that somebody else has put there. */
export const labelsOf = (record: Omit<ImportRecord, 'id' | 'damage'>, others: Labels = new Map()): Labels => {
  const { piece } = record
  const own: readonly (readonly [string, string | undefined])[] = [
    [LABEL.source, record.source],
    [LABEL.root, record.root?.toString()],
    [LABEL.filename, record.filename],
    [LABEL.carPath, record.carPath],
    [LABEL.carOwner, record.carOwner],
    [OWN_LABEL.form, record.form === 'unknown' ? undefined : record.form],
    [OWN_LABEL.index, record.indexName],
    [OWN_LABEL.profile, record.profile],
    [OWN_LABEL.links, record.links],
    [OWN_LABEL.fingerprint, record.fingerprint],
    [OWN_LABEL.blocks, record.blocks?.toString()],
    [OWN_LABEL.carBytes, record.carBytes?.toString()],
    [OWN_LABEL.fileBytes, record.fileBytes?.toString()],
    [OWN_LABEL.pieceCid, piece?.pieceCid.toString()],
    [OWN_LABEL.pieceBytes, piece?.paddedBytes.toString()],
    [OWN_LABEL.payloadBytes, piece?.payloadBytes.toString()],
  ]
  const labels = new Map(others)
  for (const [name, value] of own) {
    if (value === undefined) labels.delete(name)
    else labels.set(name, value)
  }
  return labels
}

/** Whether a CAR of that name is one that we have written for this import: nothing else is ever removed. */
export const isOwnName = (id: bigint, carPath: string): boolean => carPath.startsWith(`${id}.`) && /^[0-9]+(\.[0-9]{1,9})?\.car$/.test(carPath)

const indexNameOf = (id: bigint, name: string | undefined): string | undefined => name?.startsWith(`${id}.`) === true && /^[0-9]+(\.[0-9]{1,9})?\.idx$/.test(name) ? name : undefined

const pieceOf = (label: (name: string) => string | undefined): ImportPiece | undefined => {
  const pieceCid = cidOf(label(OWN_LABEL.pieceCid))
  const paddedBytes = countOf(label(OWN_LABEL.pieceBytes))
  const payloadBytes = countOf(label(OWN_LABEL.payloadBytes))
  return pieceCid === undefined || paddedBytes === undefined || payloadBytes === undefined ? undefined : { pieceCid, paddedBytes, payloadBytes }
}

/** The longest CID that sections have, in a base of few letters. */
const MAX_CID_LENGTH = 16_384

const cidOf = (text: string | undefined): CID | undefined => {
  if (text === undefined || text.length > MAX_CID_LENGTH) return undefined
  try {
    return CID.parse(text)
  } catch {
    return undefined // as good as none: it is told of by whoever needs one
  }
}

const countOf = (text: string | undefined): number | undefined => {
  const value = text !== undefined && /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : NaN
  return Number.isSafeInteger(value) ? value : undefined
}

const oneOf = <T extends string>(text: string | undefined, known: readonly T[]): T | undefined => known.find((candidate) => candidate === text)
