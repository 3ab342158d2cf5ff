import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTokens } from '../src/index.ts'

const secret = Uint8Array.from({ length: 32 }, (_, at) => at)

/** As Lotus does it, from the parts. */
const jwt = (header: object, payload: object, key: Uint8Array = secret): string => {
  const signed = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

describe('createTokens', () => {
  it('signs what Lotus signs, byte for byte', () => {
    // github.com/gbrlsnchs/jwt/v3 with the secret 00..1f
    const token = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJBbGxvdyI6WyJyZWFkIiwid3JpdGUiXX0'
    expect(createTokens(secret).sign(['read', 'write'])).toBe(`${token}.${createHmac('sha256', secret).update(token).digest('base64url')}`)
  })

  it('says what a token allows, which need not be in the order of the permissions', () => {
    const { sign, verify } = createTokens(secret)
    expect(verify(sign(['admin', 'read']))).toEqual(['admin', 'read'])
    expect(verify(jwt({ typ: 'JWT', alg: 'HS256' }, { Allow: ['sign'] }))).toEqual(['sign'])
    expect(verify(jwt({ alg: 'HS256' }, { Allow: [] }))).toEqual([])
  })

  it.each([
    ['of another secret', jwt({ alg: 'HS256' }, { Allow: ['admin'] }, new Uint8Array(32))],
    ['without a signature', jwt({ alg: 'none' }, { Allow: ['admin'] }).replace(/[^.]*$/, '')],
    ['of algorithm none', jwt({ alg: 'none' }, { Allow: ['admin'] })],
    ['of another algorithm', jwt({ alg: 'HS512' }, { Allow: ['admin'] })],
    ['of permissions that are none', jwt({ alg: 'HS256' }, { Allow: ['root'] })],
    ['without permissions', jwt({ alg: 'HS256' }, {})],
    ['whose algorithm is written otherwise', jwt({ alg: 'hs256' }, { Allow: ['admin'] })],
    ['with something critical that is not understood', jwt({ alg: 'HS256', crit: ['b64'], b64: false }, { Allow: ['admin'] })],
    ['that has not begun', jwt({ alg: 'HS256' }, { Allow: ['admin'], nbf: 1e11 })],
    ['that says nothing of when it begins', jwt({ alg: 'HS256' }, { Allow: ['admin'], nbf: '0' })],
    ['that ended in the beginning', jwt({ alg: 'HS256' }, { Allow: ['admin'], exp: 0 })],
    ['whose signature is shorter', jwt({ alg: 'HS256' }, { Allow: ['admin'] }).slice(0, -4)],
    ['whose signature is longer', `${jwt({ alg: 'HS256' }, { Allow: ['admin'] })}AAAA`],
    ['with a line end', `${jwt({ alg: 'HS256' }, { Allow: ['admin'] })}\n`],
    ['with a space', ` ${jwt({ alg: 'HS256' }, { Allow: ['admin'] })}`],
    ['that is no object', jwt({ alg: 'HS256' }, ['admin'])],
    ['of four parts', `${jwt({ alg: 'HS256' }, { Allow: ['admin'] })}.x`],
    ['that is too long', jwt({ alg: 'HS256' }, { Allow: ['admin'], more: 'x'.repeat(5000) })],
    ['of nothing', ''],
  ])('takes no token %s', (_name, token) => {
    expect(createTokens(secret).verify(token)).toBeUndefined()
  })

  it('takes no token with a character changed', () => {
    const { sign, verify } = createTokens(secret)
    const token = sign(['read', 'write', 'sign', 'admin'])
    fc.assert(fc.property(fc.nat(token.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
      const other = token.slice(0, at) + character + token.slice(at + 1)
      // the last character of base64 has bits that say nothing
      const same = Buffer.from(other.split('.')[2] ?? '', 'base64url').equals(Buffer.from(token.split('.')[2] ?? '', 'base64url')) && other.split('.')[1] === token.split('.')[1] && other.split('.')[0] === token.split('.')[0]
      expect(verify(other) === undefined).toBe(!same)
    }))
  })

  it('takes a token until its end', () => {
    let now = 1_000_000
    const { sign, verify } = createTokens(secret, { clock: { now: () => now } })
    const token = sign(['read'], { seconds: 60 })
    expect(verify(token)).toEqual(['read'])
    now += 60_000
    expect(verify(token)).toBeUndefined()
    expect(verify(jwt({ alg: 'HS256' }, { Allow: ['read'], exp: 'never' }))).toBeUndefined()
  })

  it('refuses a short secret, and to sign nothing or what is no permission', () => {
    expect(() => createTokens(new Uint8Array(31))).toThrow(expect.objectContaining({ code: 'SERVER_BAD_SECRET' }))
    const { sign } = createTokens(secret)
    expect(() => sign([])).toThrow(RangeError)
    expect(() => sign(['root' as never])).toThrow(RangeError)
    expect(() => sign(['read'], { seconds: 0 })).toThrow(RangeError)
  })

  it('keeps its secret when the caller wipes the one that was given', () => {
    const given = Uint8Array.from(secret)
    const { sign } = createTokens(given)
    given.fill(0)
    expect(createTokens(secret).verify(sign(['read']))).toEqual(['read'])
  })
})
