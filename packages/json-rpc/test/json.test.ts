import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson, RpcError, toJson } from '../src/index.ts'

describe('JSON with exact numbers', () => {
  it('keeps all digits of whole numbers beyond 2^53, both ways', () => {
    const text = '{"ID":1629383746123456789,"most":18446744073709551615,"least":-9223372036854775808,"small":42,"edge":9007199254740991,"real":0.1234567890123456789}'
    expect(parseJson(text)).toEqual({ ID: 1629383746123456789n, most: 18446744073709551615n, least: -9223372036854775808n, small: 42, edge: 9007199254740991, real: 0.12345678901234568 })
    expect(toJson({ id: 1629383746123456789n, small: 3n, list: [1, null, 'x', undefined], none: undefined })).toBe('{"id":1629383746123456789,"small":3,"list":[1,null,"x",null]}')
  })
  it('reads what it wrote', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 4 }, fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }), fc.bigInt({ min: -(2n ** 70n), max: -(2n ** 53n) }), fc.array(tie('any')), fc.dictionary(fc.string(), tie('any'))),
    })).any
    fc.assert(fc.property(value, (given) => { expect(parseJson(toJson(given))).toEqual(given) }))
  })
  it.each([['no JSON', '{"a":'], ['nothing', ''], ['nested deep', '['.repeat(1_000_000)], ['nested deep, with a long number', `${'['.repeat(1_000_000)}1234567890123456789`], ['a number that takes long to read', '9'.repeat(1025)], ['one member with two values', '{"a":1234567890123456789,"a":1}']])('refuses %s', (_what, text) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: 'RPC_BAD_MESSAGE' }) as RpcError)
  })
  it.each(['{"__proto__":{"polluted":1}}', '{"__proto__":{"polluted":1234567890123456789}}'])('gives no object another prototype: %s', (text) => {
    const value = parseJson(text) as { readonly polluted?: unknown }
    expect(value.polluted).toBeUndefined()
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined()
  })
  it('refuses to write what is no JSON', () => {
    expect(() => toJson(undefined)).toThrow(TypeError)
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(() => toJson(circle)).toThrow(TypeError)
  })
})
