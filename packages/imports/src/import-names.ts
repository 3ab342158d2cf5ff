/**
 * Names of the files of an import below the folder of the imports: `<id>.part` until it is whole, `<id>.car` from then on, and
 * `<id>.<n>.car` when it is imported again; `<id>.scratch` is there while what is too large for memory is written. Of a CAR that
 * is used in place there is `<id>.idx`, its index.
 */
import type { ImportRecord } from './record.ts'
import { ownCar } from './car-place.ts'

export interface ImportNames {
  readonly part: string
  readonly scratch: string
  readonly car: string
  readonly index: string
}

/** @param before - what the id is at present, whose files keep their names */
export const namesOf = (id: bigint, before?: ImportRecord): ImportNames => {
  const last = before === undefined ? undefined : ownCar(before) ?? before.indexName
  const next = last === undefined ? '' : `.${Number(/^[0-9]+\.([0-9]+)\./.exec(last)?.[1] ?? 1) + 1}`
  return { part: `${id}.part`, scratch: `${id}.scratch`, car: `${id}${next}.car`, index: `${id}${next}.idx` }
}
