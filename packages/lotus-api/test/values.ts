/** Values of a schema, from the schema: what goes over the wire comes back the same. */
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { METHOD_NAMES, METHODS } from '../src/index.ts'
import type { JsonSchema } from '../src/schema.ts'

export const someCid: fc.Arbitrary<CID> = fc.tuple(fc.constantFrom(0x55, 0x70, 0xf101), fc.uint8Array({ maxLength: 40 })).map(([codec, digest]) => CID.createV1(codec, Digest.create(0, digest)))

/** On our side, by what the document says of the wire. */
export const valueOf = (schema: JsonSchema, definitions: Readonly<Record<string, JsonSchema>>): fc.Arbitrary<unknown> => {
  const all = schema['allOf'] as readonly JsonSchema[] | undefined
  if (all !== undefined) return valueOf(all[0] ?? {}, definitions)
  const reference = schema['$ref'] as string | undefined
  const name = reference?.split('/').at(-1)
  if (name === 'CID') return someCid
  if (name !== undefined) return valueOf(definitions[name] ?? {}, definitions)
  const either = schema['oneOf'] as readonly JsonSchema[] | undefined
  if (either !== undefined) return fc.oneof(...either.map((one) => valueOf(one, definitions)))
  const choices = schema['enum'] as readonly string[] | undefined
  if (choices !== undefined) return fc.constantFrom(...choices)
  switch (schema['type']) {
    case 'string': return schema['contentEncoding'] === 'base64' ? fc.uint8Array() : schema['pattern'] === undefined ? fc.string({ unit: 'grapheme' }) : fc.bigInt(0n, 2n ** 64n - 1n)
    case 'integer': return schema['maximum'] === undefined ? fc.maxSafeInteger() : fc.bigInt(0n, 2n ** 64n - 1n)
    case 'number': return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value === 0 ? 0 : value)
    case 'boolean': return fc.boolean()
    case 'null': return fc.constant(null)
    case 'array': return fc.array(valueOf(schema['items'] as JsonSchema, definitions), { maxLength: 4 })
    case 'object': {
      const properties = schema['properties'] as Readonly<Record<string, JsonSchema>> | undefined
      if (properties === undefined) return fc.dictionary(fc.string().filter((key) => key !== '__proto__'), valueOf(schema['additionalProperties'] as JsonSchema, definitions), { noNullPrototype: true })
      return fc.record(Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, valueOf(one, definitions)])), { requiredKeys: [...schema['required'] as readonly string[]], noNullPrototype: true })
    }
    // what a reader cannot know to be a measure keeps all its digits, as a bigint
    default: return fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value), (_, one: unknown) => Number.isInteger(one) && !Number.isSafeInteger(one) ? 0 : one) as unknown)
  }
}

export const methods = METHOD_NAMES.map((name) => METHODS[name])
