/**
 * What a value is in a program, on the wire, and in the OpenRPC document: one description for all three.
 *
 * Reading is as forgiving as Go's: a member that is missing is the zero of its type, `null` is an empty list. Nothing else is
 * made up, and numbers that a number cannot hold are refused.
 */
import { CID } from 'multiformats/cid'

export type JsonSchema = Readonly<Record<string, unknown>>

/** Named types, by name. */
export type Definitions = Map<string, JsonSchema>

export interface Schema<T> {
  /** As the documents call it: `string`, `CID`, `DagstoreShardInfo[]`. */
  readonly type: string
  /** In words, where the type does not say it. */
  readonly about?: string
  /** What a missing member stands for; without it, one must not be missing. */
  readonly zero?: () => T
  /** Draft 7. Named types are put into `definitions`. */
  json (definitions: Definitions): JsonSchema
  encode (value: T): unknown
  /** @param at - where, for messages. @throws {TypeError} another value */
  decode (value: unknown, at: string): T
}

const refuse = (at: string, want: string, got: unknown): TypeError =>
  new TypeError(`${at}; want=${want} got=${got === null ? 'null' : Array.isArray(got) ? 'array' : typeof got}`)

const plain = <T>(type: string, json: JsonSchema, is: (value: unknown) => value is T, zero?: () => T): Schema<T> => ({
  type,
  ...(zero === undefined ? {} : { zero }),
  json: () => json,
  encode: (value) => value,
  decode: (value, at) => {
    if (is(value)) return value
    throw refuse(at, type, value)
  },
})

export const text: Schema<string> = plain('string', { type: 'string' }, (value): value is string => typeof value === 'string', () => '')

export const flag: Schema<boolean> = plain('boolean', { type: 'boolean' }, (value): value is boolean => typeof value === 'boolean', () => false)

/** A whole number that a number holds. */
export const whole: Schema<number> = plain('integer', { type: 'integer' }, (value): value is number => Number.isSafeInteger(value), () => 0)

/** A measure: as exact as a number is, however many digits stand on the wire. */
export const number: Schema<number> = {
  type: 'number',
  zero: () => 0,
  json: () => ({ type: 'number' }),
  encode: (value) => value,
  decode: (value, at) => {
    if (typeof value === 'number') return value
    if (typeof value === 'bigint') return Number(value)
    throw refuse(at, 'number', value)
  },
}

/** Any JSON. */
export const anything: Schema<unknown> = plain('any', {}, (value): value is unknown => value !== undefined)

/** No answer; Lotus leaves it out, or says `null`. */
export const nothing: Schema<void> = { type: 'null', zero: () => {}, json: () => ({ type: 'null' }), encode: () => null, decode: () => {} }

const MAX_U64 = 0xffff_ffff_ffff_ffffn

const u64 = (value: unknown, at: string): bigint => {
  const id = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined
  if (id !== undefined && id >= 0n && id <= MAX_U64) return id
  throw refuse(at, 'u64', value)
}

/** Lotus's ids: digits on the wire, all of them. Strings of digits are taken too. */
export const id: Schema<bigint> = {
  type: 'u64', zero: () => 0n, json: () => ({ type: 'integer', minimum: 0, maximum: MAX_U64 }), encode: (value) => value, decode: u64,
}

/** Ids of ours: a string of digits on the wire, since most readers of JSON lose what is beyond 2^53. Digits are taken too. */
export const decimal: Schema<bigint> = {
  type: 'decimal string', zero: () => 0n, json: () => ({ type: 'string', pattern: '^\\d{1,20}$' }), encode: String, decode: u64,
}

/** Longer than any CID with a hash of 64 bytes, and than identity CIDs of Lotus. */
const MAX_CID_CHARACTERS = 1024

/** `{"/": "bafy…"}`. */
export const cid: Schema<CID> = {
  type: 'CID',
  json: (definitions) => named(definitions, 'CID', () => ({ type: 'object', properties: { '/': { type: 'string' } }, required: ['/'], additionalProperties: false })),
  encode: (value) => ({ '/': String(CID.asCID(value) ?? value) }),
  decode: (value, at) => {
    const written: unknown = typeof value === 'object' && value !== null && '/' in value ? value['/'] : undefined
    if (typeof written !== 'string' || written.length > MAX_CID_CHARACTERS) throw refuse(at, '{"/": CID}', value)
    try {
      return CID.parse(written)
    } catch (cause) {
      throw new TypeError(`${at}; not a CID`, { cause })
    }
  },
}

/** `[]byte` of Go: base64. */
export const bytes: Schema<Uint8Array> = {
  type: 'base64',
  zero: () => new Uint8Array(0),
  json: () => ({ type: 'string', contentEncoding: 'base64' }),
  encode: (value) => {
    let binary = ''
    for (const byte of value) binary += String.fromCharCode(byte)
    return btoa(binary)
  },
  decode: (value, at) => {
    if (value === null) return new Uint8Array(0)
    if (typeof value !== 'string') throw refuse(at, 'base64', value)
    try {
      return Uint8Array.from(atob(value), (character) => character.charCodeAt(0))
    } catch (cause) {
      throw new TypeError(`${at}; not base64`, { cause })
    }
  },
}

export const oneOf = <const T extends string>(values: readonly T[]): Schema<T> =>
  plain(values.map((value) => `"${value}"`).join(' | '), { type: 'string', enum: values }, (value): value is T => (values as readonly unknown[]).includes(value))

/** The same of what a peer may have more of in later versions: any text is taken from it. */
export const oneOfKnown = <const T extends string>(values: readonly T[]): Schema<T> =>
  ({ ...oneOf(values), decode: (value, at) => text.decode(value, at) as T })

/** `null` of Go, for an empty slice, is an empty list. */
export const list = <T>(of: Schema<T>): Schema<readonly T[]> => ({
  type: /[ |]/.test(of.type) ? `(${of.type})[]` : `${of.type}[]`,
  zero: () => [],
  json: (definitions) => ({ type: 'array', items: of.json(definitions) }),
  encode: (values) => values.map((value) => of.encode(value)),
  decode: (value, at) => {
    if (value === null) return []
    if (!Array.isArray(value)) throw refuse(at, 'array', value)
    return value.map((item, index) => of.decode(item, `${at}[${index}]`))
  },
})

export const nullable = <T>(of: Schema<T>): Schema<T | null> => ({
  type: `${of.type} | null`,
  zero: () => null,
  json: (definitions) => ({ oneOf: [of.json(definitions), { type: 'null' }] }),
  encode: (value) => value === null ? null : of.encode(value),
  decode: (value, at) => value === null ? null : of.decode(value, at),
})

/** Of a parameter, or a member of an object: it may be left out. */
export const optional = <T>(of: Schema<T>): Schema<T | undefined> => ({
  type: of.type,
  ...(of.about === undefined ? {} : { about: of.about }),
  zero: () => undefined,
  json: (definitions) => of.json(definitions),
  encode: (value) => value === undefined ? undefined : of.encode(value),
  decode: (value, at) => value === undefined || value === null ? undefined : of.decode(value, at),
})

/** An object with members of any name. */
export const record = <T>(of: Schema<T>): Schema<Readonly<Record<string, T>>> => ({
  type: `{[name]: ${of.type}}`,
  zero: () => ({}),
  json: (definitions) => ({ type: 'object', additionalProperties: of.json(definitions) }),
  encode: (value) => Object.fromEntries(Object.entries(value).map(([name, item]) => [name, of.encode(item)])),
  decode: (value, at) => {
    if (value === null) return {}
    if (typeof value !== 'object' || Array.isArray(value)) throw refuse(at, 'object', value)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, of.decode(item, `${at}.${name}`)]))
  },
})

export const about = <T>(words: string, of: Schema<T>): Schema<T> => ({ ...of, about: words })

/** A schema for each member; optional ones have that of what `undefined` may stand for too. */
export type Fields<T> = { readonly [K in keyof Required<T>]: Schema<K extends keyof T ? T[K] : never> }

export const isOptional = ({ zero, type }: Schema<unknown>): boolean => zero !== undefined && zero() === undefined && type !== 'null'

/** @param strict - refuses members that it does not know: of parameters of ours, where a slip of the pen must not pass for a default */
export const object = <T extends object>(name: string, fields: Fields<NoInfer<T>>, { strict = false }: { readonly strict?: boolean } = {}): Schema<T> => {
  const members = Object.entries(fields as Readonly<Record<string, Schema<unknown>>>)
  const checkMembers = (value: object, at: string): void => {
    for (const member of Object.keys(value)) if (!Object.hasOwn(fields, member)) throw new TypeError(`${at}; unknown member ${JSON.stringify(member.slice(0, 100))}`)
  }
  return {
    type: name,
    json: (definitions) => named(definitions, name, () => ({
      type: 'object',
      properties: Object.fromEntries(members.map(([member, schema]) => [member, described(schema, definitions)])),
      required: members.filter(([, schema]) => !isOptional(schema)).map(([member]) => member),
      additionalProperties: false,
    })),
    encode: (value) => {
      if (strict) checkMembers(value, name)
      const out: Record<string, unknown> = {}
      for (const [member, schema] of members) {
        const item = (value as Readonly<Record<string, unknown>>)[member]
        const encoded = item === undefined ? undefined : schema.encode(item)
        if (encoded !== undefined) out[member] = encoded
      }
      return out
    },
    decode: (value, at) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(at, name, value)
      if (strict) checkMembers(value, at)
      const out: Record<string, unknown> = {}
      for (const [member, schema] of members) {
        const item: unknown = Object.hasOwn(value, member) ? (value as Readonly<Record<string, unknown>>)[member] : undefined
        if (item === undefined && schema.zero === undefined) throw new TypeError(`${at}.${member}; missing`)
        const decoded: unknown = item === undefined ? schema.zero?.() : schema.decode(item, `${at}.${member}`)
        if (decoded !== undefined) out[member] = decoded
      }
      return out as T
    },
  }
}

/** Objects that say in their member `tag` which one they are. Those of later versions are given through as they are. */
export const tagged = <T extends object>(name: string, tag: string & keyof T, kinds: readonly Schema<unknown>[]): Schema<T> => {
  const kindOf = (value: unknown): Schema<unknown> | undefined => {
    if (typeof value !== 'object' || value === null || !(tag in value)) return undefined
    const said = (value as Readonly<Record<string, unknown>>)[tag]
    return kinds.find((kind) => kind.type === `${name}.${String(said)}`)
  }
  return {
    type: name,
    json: (definitions) => named(definitions, name, () => ({ oneOf: kinds.map((kind) => kind.json(definitions)) })),
    encode: (value) => (kindOf(value) ?? anything).encode(value),
    decode: (value, at) => {
      const kind = kindOf(value)
      if (kind !== undefined) return kind.decode(value, at) as T
      if (typeof value !== 'object' || value === null || !(tag in value) || typeof (value as Readonly<Record<string, unknown>>)[tag] !== 'string') throw refuse(`${at}.${tag}`, kinds.map(({ type }) => type).join(' | '), value)
      return value as T
    },
  }
}

export const described = (schema: Schema<unknown>, definitions: Definitions): JsonSchema => {
  const json = schema.json(definitions)
  return schema.about === undefined ? json : '$ref' in json ? { allOf: [json], description: schema.about } : { ...json, description: schema.about }
}

const named = (definitions: Definitions, name: string, make: () => JsonSchema): JsonSchema => {
  if (!definitions.has(name)) {
    definitions.set(name, {}) // it may name itself
    definitions.set(name, make())
  }
  return { $ref: `#/components/schemas/${name}` }
}
