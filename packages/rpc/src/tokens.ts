/**
 * Tokens: JSON Web Tokens, HS256, whose payload is `{"Allow": ["read", …]}`, as Lotus makes them.
 *
 * Source: lotus `node/modules/core.go` `JwtPayload`, `node/impl/common/common.go` `AuthNew`, `AuthVerify`; RFC 7515, 7519. Looser: a
 * token may also say when it ends and begins (`exp`, `nbf`, seconds since 1970); Lotus's never do. Stricter: no other algorithm is known, so none can
 * be asked for.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '@dagstore/io'
import { systemClock } from '@dagstore/io'
import { type Permission, PERMISSIONS } from '@dagstore/lotus-api'
import { ServerError } from './errors.ts'

/** As of Lotus's own keys. */
export const SECRET_BYTES = 32

const MAX_TOKEN_CHARACTERS = 4096
const PART = /^[\w-]+$/

export interface SignOptions {
  /** Of its life. @default it has no end */
  readonly seconds?: number | undefined
}

export interface Tokens {
  /** @throws {RangeError} no permission, one that is none, or an end that is in the past */
  sign (permissions: readonly Permission[], options?: SignOptions): string
  /** What it allows; `undefined`: it is not ours, has ended, or has not begun. Takes as long for a wrong signature as for a right one. */
  verify (token: string): readonly Permission[] | undefined
}

export interface TokensOptions {
  readonly clock?: Pick<Clock, 'now'> | undefined
}

/** @throws {ServerError} `SERVER_BAD_SECRET`: fewer than 32 bytes */
export const createTokens = (secret: Uint8Array, { clock = systemClock }: TokensOptions = {}): Tokens => {
  if (secret.byteLength < SECRET_BYTES) throw new ServerError('SERVER_BAD_SECRET', `secret is too short; least=${SECRET_BYTES} got=${secret.byteLength}`)
  const key = Buffer.from(secret) // the caller may wipe its own
  const signatureOf = (signed: string): Buffer => createHmac('sha256', key).update(signed).digest()
  return {
    sign: (permissions, { seconds } = {}) => {
      if (permissions.length === 0 || !permissions.every(isPermission)) throw new RangeError(`permissions; want=some of ${PERMISSIONS.join(', ')} got=${permissions.join(', ')}`)
      if (seconds !== undefined && !(Number.isSafeInteger(seconds) && seconds > 0)) throw new RangeError(`seconds; want=a whole number above 0 got=${seconds}`)
      const end = seconds === undefined ? {} : { exp: Math.floor(clock.now() / 1000) + seconds }
      const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ Allow: permissions, ...end })}`
      return `${signed}.${signatureOf(signed).toString('base64url')}`
    },
    verify: (token) => {
      const parts = token.length > MAX_TOKEN_CHARACTERS ? [] : token.split('.')
      const [head, payload, signature] = parts
      if (head === undefined || payload === undefined || signature === undefined || parts.length > 3 || !parts.every((part) => PART.test(part))) return undefined
      const given = Buffer.from(signature, 'base64url')
      const right = signatureOf(`${head}.${payload}`)
      if (given.byteLength !== right.byteLength || !timingSafeEqual(given, right)) return undefined
      const header = decode(head)
      const claims = decode(payload)
      // what is critical in it must be understood, and nothing is known that could be: RFC 7515, 4.1.11
      if (header?.['alg'] !== 'HS256' || header['crit'] !== undefined) return undefined
      const { Allow: allow, exp, nbf } = claims ?? {}
      if (exp !== undefined && !(typeof exp === 'number' && clock.now() < exp * 1000)) return undefined
      if (nbf !== undefined && !(typeof nbf === 'number' && clock.now() >= nbf * 1000)) return undefined
      return Array.isArray(allow) && allow.every(isPermission) ? allow : undefined
    },
  }
}

const isPermission = (value: unknown): value is Permission => (PERMISSIONS as readonly unknown[]).includes(value)

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const decode = (part: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null ? value as Readonly<Record<string, unknown>> : undefined
  } catch {
    return undefined
  }
}
