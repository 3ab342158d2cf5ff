/**
 * The labels of an import: texts under names, in the form in which Lotus keeps them.
 *
 *     {"Labels":{"car_owner":"importmgr","car_path":"…","filename":"/data/a","root":"bafy…","source":"import"}}
 *
 * Source: lotus node/repo/imports/manager.go `Meta`.
 */

export type Labels = ReadonlyMap<string, string>

/** Lotus's names. `mtime` is one of the multistore before Lotus 1.11.2, and says nothing to us. */
export const LABEL = { source: 'source', root: 'root', filename: 'filename', carPath: 'car_path', carOwner: 'car_owner' } as const

/** Ours, which Lotus passes over. Numbers are decimal, lengths in bytes. */
export const OWN_LABEL = {
  form: 'dagstore.form',
  profile: 'dagstore.profile',
  links: 'dagstore.links',
  fingerprint: 'dagstore.fingerprint',
  index: 'dagstore.index',
  blocks: 'dagstore.blocks',
  carBytes: 'dagstore.car-bytes',
  fileBytes: 'dagstore.file-bytes',
  pieceCid: 'dagstore.piece-cid',
  pieceBytes: 'dagstore.piece-bytes',
  payloadBytes: 'dagstore.payload-bytes',
} as const

/** Of a record, in characters: three texts of 8192, each of which may take six, and the rest. */
const MAX_RECORD_LENGTH = 1 << 18

/** Names in the order in which Go writes them. */
export const encodeLabels = (labels: Labels): string =>
  JSON.stringify({ Labels: Object.fromEntries([...labels].sort(([a], [b]) => a < b ? -1 : 1)) })

/** @throws {TypeError | SyntaxError | RangeError} not of this form, or too long */
export const decodeLabels = (text: string): Labels => {
  if (text.length > MAX_RECORD_LENGTH) throw new RangeError(`record of an import; length=${text.length} max=${MAX_RECORD_LENGTH}`)
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('Labels' in value)) throw new TypeError('no labels')
  // Go writes null for none
  if (value.Labels === null) return new Map()
  if (typeof value.Labels !== 'object' || Array.isArray(value.Labels)) throw new TypeError('labels are no object')
  const labels = new Map<string, string>()
  for (const [name, label] of Object.entries(value.Labels)) {
    if (typeof label !== 'string') throw new TypeError(`label is no text; name=${JSON.stringify(name)}`)
    labels.set(name, label)
  }
  return labels
}
