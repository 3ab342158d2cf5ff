/**
 * Who may come in: the names the server is called by, the pages that may ask, and what the token allows.
 *
 * A page of a foreign site can make a browser send requests here. Two things give it away: its `Origin`, and, where it has made
 * its own name point to this machine (DNS rebinding), the `Host`. An IP address as `Host` cannot be such a name.
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { isFromHere } from '@dagstore/io/node'
import type { Permission } from '@dagstore/lotus-api'
import type { Tokens } from './tokens.ts'

/** Who may read without a token: callers on this machine, everybody, nobody. */
export type Anonymous = 'loopback' | 'everywhere' | 'nobody'

export interface GateOptions {
  readonly tokens: Pick<Tokens, 'verify'>
  readonly anonymous: Anonymous
  /** Names this server is called by, besides `localhost`. */
  readonly hosts: readonly string[]
  /** Origins of pages that may ask: `https://dashboard.example`. */
  readonly origins: readonly string[]
}

export type RefusalReason = 'host' | 'origin' | 'token' | 'anonymous'

export interface Refusal {
  readonly status: 400 | 401 | 403
  readonly reason: RefusalReason
  readonly message: string
}

export interface Caller {
  readonly permissions: readonly Permission[]
  /** Without a token. */
  readonly anonymous: boolean
}

export interface Gate {
  /** Of the place alone, whoever asks. */
  refusal (request: IncomingMessage): Refusal | undefined
  caller (request: IncomingMessage): Caller | Refusal
  /** That the answer is for, where it is one of `origins`. */
  originOf (request: IncomingMessage): string | undefined
}

const READ: readonly Permission[] = Object.freeze(['read'])

/** @throws {TypeError} a host or an origin that is none */
export const createGate = ({ tokens, anonymous, hosts, origins }: GateOptions): Gate => {
  const names = new Set(['localhost', ...hosts.map(checkName)])
  const pages = new Set(origins.map(checkOrigin))
  return {
    refusal: ({ headers }) => {
      const name = nameOf(headers.host)
      if (name === undefined || !(names.has(name) || isAddress(name))) return { status: 403, reason: 'host', message: 'this server is not called by that name' }
      const { origin } = headers
      // a page that came from here asks here
      if (origin === undefined || pages.has(origin) || isOf(origin, headers.host)) return undefined
      return { status: 403, reason: 'origin', message: 'pages of that origin may not ask here' }
    },
    caller: (request) => {
      const token = tokenOf(request)
      if (token === undefined) {
        if (anonymous === 'everywhere' || (anonymous === 'loopback' && isFromHere(request))) return { permissions: READ, anonymous: true }
        return { status: 401, reason: 'anonymous', message: 'a token is needed' }
      }
      const permissions = token === 'not a token' ? undefined : tokens.verify(token)
      return permissions === undefined ? { status: 401, reason: 'token', message: 'the token is not taken' } : { permissions, anonymous: false }
    },
    originOf: ({ headers: { origin } }) => origin !== undefined && pages.has(origin) ? origin : undefined,
  }
}

/** As Lotus takes it: from the header, else from the query. */
const tokenOf = ({ headers: { authorization }, url = '' }: IncomingMessage): string | undefined => {
  if (authorization !== undefined) return /^Bearer ./i.test(authorization) ? authorization.slice(7).trim() : 'not a token'
  const query = url.indexOf('?')
  return query < 0 ? undefined : new URLSearchParams(url.slice(query)).get('token') ?? undefined
}

/** Of a `Host`, in lower case, without port and closing dot; `undefined`: it is none. */
const nameOf = (host: string | undefined): string | undefined => {
  if (host === undefined || host === '' || /[\s/?#@\\%]/.test(host) || !URL.canParse(`http://${host}`)) return undefined
  return new URL(`http://${host}`).hostname.replace(/\.$/, '')
}

const isAddress = (name: string): boolean => isIP(name.replace(/^\[|\]$/g, '')) !== 0

/** A page whose address has this `Host`. */
const isOf = (origin: string, host: string | undefined): boolean =>
  /^https?:\/\//.test(origin) && URL.canParse(origin) && URL.canParse(`http://${host}`) && new URL(origin).host === new URL(`${new URL(origin).protocol}//${host}`).host

const checkName = (name: string): string => {
  const checked = nameOf(name)
  if (checked === undefined || checked !== name.toLowerCase()) throw new TypeError(`not the name of a host; got=${name}`)
  return checked
}

const checkOrigin = (origin: string): string => {
  if (/^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin) return origin
  throw new TypeError(`not an origin, as https://example.com; got=${origin}`)
}
