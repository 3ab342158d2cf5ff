/** What a request asks for: of the query and of `Accept`, the query first. Source: trustless gateway specification; IPIP-412, IPIP-523. */
import type { DagScope, EntityBytes } from '@dagstore/dag'
import { GatewayRefusal } from '../refusal.ts'
import { type Accepted, acceptedOf, CAR_TYPE, type Format, RAW_TYPE } from './accept.ts'
import { entityBytesOf } from './entity-bytes.ts'
import type { ContentPath } from './target.ts'

export interface CarForm {
  readonly scope: DagScope
  readonly entityBytes: EntityBytes | undefined
  readonly duplicates: boolean
}

export interface Wanted {
  /** Of a raw block `undefined`. */
  readonly car: CarForm | undefined
  readonly type: string
  /** Under which it is to be saved; `undefined`: under its CID. */
  readonly name: string | undefined
  /** Path and query that ask for the same without `Accept`; `undefined`: these do. */
  readonly location: string | undefined
}

const RAW: Wanted = { car: undefined, type: RAW_TYPE, name: undefined, location: undefined }
const FORMATS: ReadonlySet<string> = new Set<Format>(['raw', 'car', 'ipns-record'])
const SCOPES: ReadonlySet<string> = new Set<DagScope>(['block', 'entity', 'all'])
const NONE: ReadonlyMap<string, string> = new Map()

/** Parameters of the CAR's media type, and what is known of their values. */
interface Variant {
  readonly offered: boolean
  readonly duplicates: boolean
  /** Those that only `Accept` has. */
  readonly added: readonly string[]
}

/**
 * Of several formats the first that this gateway has for the path.
 *
 * @throws {GatewayRefusal} `GATEWAY_NO_FORMAT`, `GATEWAY_BAD_PARAMETER`, `GATEWAY_NOT_OFFERED`, `GATEWAY_NO_IPNS`
 */
export const wantedOf = ({ text, query, segments }: ContentPath, accept: string | undefined): Wanted => {
  if (query === 'format=raw') return RAW
  const parameters = new URLSearchParams(query)
  const asked = valueOf(parameters, 'format')
  if (asked === undefined && (accept === undefined || accept.trim() === '')) throw new GatewayRefusal('GATEWAY_NO_FORMAT', 400, 'Say in Accept or by ?format= which format is wanted: raw or car.')
  if (asked !== undefined && !FORMATS.has(asked)) throw notOffered('This gateway answers with raw blocks and CARs only.')
  const name = valueOf(parameters, 'filename')
  const accepted = accept === undefined ? [] : acceptedOf(accept)
  // of a path there is none: told where it is refused, unless something else is taken too
  let raw: Wanted | undefined
  for (const { format, parameters: typed } of asked === undefined ? accepted : ofFormat(asked as Format, accepted)) {
    if (format === 'ipns-record') continue
    const added = asked === undefined ? [`format=${format}`] : []
    if (format === 'raw') {
      raw ??= { ...RAW, name, location: locationOf(text, query, added) }
      if (segments.length === 0) return raw
      continue
    }
    const variant = variantOf(parameters, typed)
    if (!variant.offered) continue
    const { duplicates } = variant
    return {
      car: { ...scopeOf(parameters), duplicates },
      type: `${CAR_TYPE}; version=1; order=dfs; dups=${duplicates ? 'y' : 'n'}`,
      name,
      location: locationOf(text, query, [...added, ...variant.added]),
    }
  }
  if (raw !== undefined) return raw
  const formats = asked === undefined ? accepted.map(({ format }) => format) : [asked]
  if (formats.length > 0 && formats.every((format) => format === 'ipns-record')) throw new GatewayRefusal('GATEWAY_NO_IPNS', 501, 'This gateway has no IPNS records.')
  throw notOffered(accepted.some(({ format }) => format === 'car') || asked === 'car'
    ? 'CARs are of version 1, in the order dfs, with or without duplicates.'
    : 'This gateway answers with raw blocks and CARs only.')
}

const notOffered = (message: string): GatewayRefusal => new GatewayRefusal('GATEWAY_NOT_OFFERED', 406, message)
const badParameter = (message: string): GatewayRefusal => new GatewayRefusal('GATEWAY_BAD_PARAMETER', 400, message)

/** The first of that name; empty is as good as none. */
const valueOf = (parameters: URLSearchParams, name: string): string | undefined => parameters.get(name) || undefined

/** The forms in which `Accept` has a format that the query asks for; without them it is taken as it comes. */
const ofFormat = (format: Format, accepted: readonly Accepted[]): readonly Accepted[] => {
  const forms = accepted.filter((form) => form.format === format)
  return forms.length > 0 ? forms : [{ format, parameters: NONE }]
}

const variantOf = (parameters: URLSearchParams, typed: ReadonlyMap<string, string>): Variant => {
  const added: string[] = []
  const value = (name: string, isValue: RegExp): string => {
    const given = valueOf(parameters, `car-${name}`)
    if (given !== undefined) {
      if (!isValue.test(given)) throw badParameter(`The parameter car-${name} cannot have that value.`)
      return given
    }
    const own = typed.get(name) ?? ''
    if (own !== '') added.push(`car-${name}=${encodeURIComponent(own)}`)
    return own
  }
  const version = value('version', /^\d+$/)
  const order = value('order', /^[a-z]+$/)
  const duplicates = value('dups', /^[yn]$/)
  return { offered: ['', '1'].includes(version) && ['', 'dfs', 'unk'].includes(order) && ['', 'y', 'n'].includes(duplicates), duplicates: duplicates === 'y', added }
}

/** A range means an entity, whatever the scope says. */
const scopeOf = (parameters: URLSearchParams): Pick<CarForm, 'scope' | 'entityBytes'> => {
  const scope = valueOf(parameters, 'dag-scope') ?? 'all'
  if (!SCOPES.has(scope)) throw badParameter('The parameter dag-scope is block, entity or all.')
  const range = valueOf(parameters, 'entity-bytes')
  if (range === undefined) return { scope: scope as DagScope, entityBytes: undefined }
  const entityBytes = entityBytesOf(range)
  if (entityBytes === undefined) throw badParameter('The parameter entity-bytes is from:to, with whole numbers, the second not before the first, or * in place of it.')
  return { scope: 'entity', entityBytes }
}

/** Without those of the same name that are empty or none counts: the first one would. */
const locationOf = (text: string, query: string, added: readonly string[]): string | undefined => {
  if (added.length === 0) return undefined
  const names = new Set(added.map(nameOf))
  return `${text}?${[...query.split('&').filter((part) => part !== '' && !names.has(nameOf(part))), ...added].join('&')}`
}

const nameOf = (parameter: string): string | undefined => [...new URLSearchParams(parameter).keys()][0]
