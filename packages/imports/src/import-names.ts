/**
 * Names of the files of an import below the folder of the imports: `<id>.part` until it is whole, `<id>.car` from then on, and
 * `<id>.<n>.car` when it is imported again; `<id>.scratch` is there while directories too large for memory are written.
 */
import type { ImportRecord } from './record.ts'
import { ownCar } from './car-place.ts'

export interface ImportNames {
  readonly part: string
  readonly scratch: string
  readonly car: string
}

/** @param before - what the id is at present, whose CAR keeps its name */
export const namesOf = (id: bigint, before?: ImportRecord): ImportNames => {
  const last = before === undefined ? undefined : ownCar(before)
  const number = last === undefined ? 0 : Number(/^[0-9]+\.([0-9]+)\.car$/.exec(last)?.[1] ?? 1) + 1
  return { part: `${id}.part`, scratch: `${id}.scratch`, car: number === 0 ? `${id}.car` : `${id}.${number}.car` }
}
