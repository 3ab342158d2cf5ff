/** `Accept`: which of our formats an asker takes, best first. Source: RFC 9110, 12.5.1; IPIP-412. */

export const RAW_TYPE = 'application/vnd.ipld.raw'
export const CAR_TYPE = 'application/vnd.ipld.car'
const IPNS_TYPE = 'application/vnd.ipfs.ipns-record'

export type Format = 'raw' | 'car' | 'ipns-record'

export interface Accepted {
  readonly format: Format
  /** Parameters of the media type but `q`, names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

interface Ranked extends Accepted {
  readonly quality: number
  /** 2: the type itself; 1, 0: one that stands for several. */
  readonly specific: number
}

const FORMATS: ReadonlyMap<string, Format> = new Map([[RAW_TYPE, 'raw'], [CAR_TYPE, 'car'], [IPNS_TYPE, 'ipns-record']])
const NONE: ReadonlyMap<string, string> = new Map()
const ANY: readonly Format[] = ['car', 'raw']
const ONLY_RAW: readonly Accepted[] = [{ format: 'raw', parameters: NONE }]

/** By quality, then those that are named before those that are not, then as they stand. Of `*` a CAR is the first, as at other gateways. */
export const acceptedOf = (accept: string): readonly Accepted[] => {
  if (accept === RAW_TYPE) return ONLY_RAW
  const ranked: Ranked[] = []
  // of which something is said whatever their parameters: what is said of several types does not count for them
  const named = new Set<Format>()
  // qualities of all types and of those of applications, which go before
  const several: [number?, number?] = []
  for (const range of accept.split(',')) {
    const [type = '', ...rest] = range.split(';')
    const name = type.trim().toLowerCase()
    const { quality, parameters } = parametersOf(rest)
    const format = FORMATS.get(name)
    if (format !== undefined) {
      if (quality > 0) ranked.push({ format, parameters, quality, specific: 2 })
      if (parameters.size === 0) named.add(format)
    } else if (name === '*/*' || name === 'application/*') {
      several[name === '*/*' ? 0 : 1] = quality
    }
  }
  const specific = several[1] === undefined ? 0 : 1
  const quality = several[specific] ?? 0
  if (quality > 0) for (const format of ANY) if (!named.has(format)) ranked.push({ format, parameters: NONE, quality, specific })
  return ranked.sort((a, b) => b.quality - a.quality || b.specific - a.specific)
}

/** A quality that is none is 1. */
const parametersOf = (parts: readonly string[]): { readonly quality: number, readonly parameters: ReadonlyMap<string, string> } => {
  let quality = 1
  const parameters = new Map<string, string>()
  for (const part of parts) {
    const equals = part.indexOf('=')
    if (equals < 0) continue
    const name = part.slice(0, equals).trim().toLowerCase()
    const value = unquoted(part.slice(equals + 1).trim())
    if (name !== 'q') parameters.set(name, value)
    else if (/^(?:0(?:\.\d*)?|1(?:\.0*)?)$/.test(value)) quality = Number(value)
  }
  return { quality, parameters }
}

const unquoted = (value: string): string => (value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value)
