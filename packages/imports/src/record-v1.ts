/**
 * The form that records had before they were Lotus's, under `record/<id>`: read once, and written as labels.
 *
 *     {"id":"1629158400000000000","root":"bafy…","source":"import","filename":"/data/a","fingerprint":"…","profile":"lotus-2021",
 *      "carName":"1629158400000000000.car","carOwner":"importmgr","blocks":3,"carBytes":5213,"fileBytes":1234}
 */
import { LABEL, type Labels, OWN_LABEL } from './labels.ts'

const NAMES: readonly (readonly [field: string, label: string])[] = [
  ['root', LABEL.root], ['source', LABEL.source], ['filename', LABEL.filename], ['carName', LABEL.carPath], ['carOwner', LABEL.carOwner],
  ['fingerprint', OWN_LABEL.fingerprint], ['profile', OWN_LABEL.profile], ['blocks', OWN_LABEL.blocks], ['carBytes', OWN_LABEL.carBytes], ['fileBytes', OWN_LABEL.fileBytes],
]

/** @returns `undefined`: no such record */
export const labelsOfV1 = (text: string): Labels | undefined => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined // kept as it is, as a damaged record
  }
  if (typeof value !== 'object' || value === null) return undefined
  const fields = new Map<string, unknown>(Object.entries(value))
  const labels = new Map<string, string>()
  for (const [field, label] of NAMES) {
    const found = fields.get(field)
    if (typeof found === 'string' || typeof found === 'number') labels.set(label, String(found))
  }
  if (labels.size === 0) return undefined
  labels.set(OWN_LABEL.form, fields.get('carOwner') === 'user' ? 'car' : 'dense')
  return labels
}
