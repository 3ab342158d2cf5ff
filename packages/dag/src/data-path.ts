/** Following a path inside a block of DAG-CBOR or DAG-JSON, up to the first link. */
import { CID } from 'multiformats/cid'
import { CborScan, MAJOR } from './cbor-scan.ts'

/**
 * Where a path inside a block leads: over `used` segments to a link; with all its segments to a value without one;
 * or nowhere, since what `used` segments lead to has no entry of the next one's name.
 */
export type InBlock =
  | { readonly to: 'link', readonly link: CID, readonly used: number }
  | { readonly to: 'value' }
  | { readonly to: 'nothing', readonly used: number }

const VALUE: InBlock = { to: 'value' }
const textEncoder = new TextEncoder()

/** A list's index in the one form that is a path: decimal, without a sign or zeros in front. */
const indexOf = (segment: string): number => (/^(0|[1-9][0-9]{0,15})$/.test(segment) ? Number(segment) : -1)

/**
 * Map keys are compared as bytes; of a doubled key the first counts. What stands behind the place is not looked at.
 *
 * @param reserved - whether tag 42 stands for a link, as in DAG-CBOR; in plain CBOR it is a value like others
 * @throws {Error} not in the form that DAG-CBOR allows
 */
export const followCbor = (bytes: Uint8Array, segments: readonly string[], reserved: boolean): InBlock => {
  const scan = new CborScan(bytes)
  const ignore = (): void => {}
  for (let used = 0; ; used++) {
    const major = scan.head()
    if (major === MAJOR.link && reserved) return { to: 'link', link: scan.link(), used }
    const segment = segments[used]
    if (segment === undefined) return VALUE
    const count = scan.argument
    let found = false
    if (major === MAJOR.map) {
      const key = textEncoder.encode(segment)
      for (let entry = 0; entry < count && !found; entry++) {
        if (scan.head() !== MAJOR.text) throw new Error(`map key is not text; at=${scan.at}`)
        found = equal(scan.string(), key)
        if (found) break
        scan.head()
        scan.skip(ignore)
      }
    } else if (major === MAJOR.list) {
      const index = indexOf(segment)
      found = index >= 0 && index < count
      for (let item = 0; found && item < index; item++) {
        scan.head()
        scan.skip(ignore)
      }
    }
    if (!found) return { to: 'nothing', used }
  }
}

/**
 * @param reserved - whether `{"/": …}` stands for a link or bytes, as in DAG-JSON; in plain JSON it is an object like others
 * @throws {Error} not JSON, not UTF-8, or a link that is not a CID
 */
export const followJson = (bytes: Uint8Array, segments: readonly string[], reserved: boolean): InBlock => {
  let value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown
  for (let used = 0; ; used++) {
    const special = reserved && isObject(value) && Object.hasOwn(value, '/') && Object.keys(value).length === 1 ? value['/'] : undefined
    if (typeof special === 'string') return { to: 'link', link: CID.parse(special), used }
    const segment = segments[used]
    if (segment === undefined) return VALUE
    if (Array.isArray(value)) {
      const index = indexOf(segment)
      if (index < 0 || index >= value.length) return { to: 'nothing', used }
      value = value[index] as unknown
    } else {
      if (special !== undefined || !isObject(value) || !Object.hasOwn(value, segment)) return { to: 'nothing', used }
      value = value[segment]
    }
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value)

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
