/** Keys of `[Gateway]`. */
import { isIP } from 'node:net'
import type { Config } from './config.ts'
import type { ConfigKey } from './config-key.ts'
import { parseListen } from './listen.ts'
import { bytesFrom, choice, durationKind, listOf, pathsKind, textOf, wholeNumber } from './values.ts'

type GatewayField =
  | 'gatewayAccess' | 'gatewayListen' | 'tlsCert' | 'tlsKey' | 'proxies' | 'denylists' | 'accessLog' | 'accessLogFormat' | 'gatewayRequests' | 'gatewayClientRequests'
  | 'gatewayBytesPerSecond' | 'gatewayClientBytesPerSecond' | 'gatewayMaxBytes' | 'gatewayMaxMs' | 'gatewayWaitMs'

const path = textOf('a path', (text) => !text.includes('\0'))

export const GATEWAY_KEYS: { readonly [field in GatewayField]: ConfigKey<Config[field]> } = {
  gatewayAccess: {
    section: 'Gateway', name: 'GatewayAccess', kind: choice('reading', 'always', 'never'), default: 'reading',
    help: 'Who is answered at the port of the daemon: whoever may read by RPC (`AnonymousRead`, tokens, `Hosts`, `Origins`), anybody under any name, or nobody. `dagstore gateway` answers whoever reaches it.',
  },
  gatewayListen: {
    section: 'Gateway', name: 'GatewayListen', kind: textOf('HOST:PORT such as 127.0.0.1:2351', (text) => parseListen(text) !== undefined), default: '127.0.0.1:2351', flag: '--listen',
    help: 'HOST:PORT of `dagstore gateway`. `:2351`: all addresses of this machine.',
  },
  tlsCert: {
    section: 'Gateway', name: 'TlsCert', paths: true, kind: path, default: '', flag: '--tls-cert',
    help: 'Certificate of `dagstore gateway` and those that it rests on, as PEM; read again when it changes, and on SIGHUP. Empty: without TLS.',
  },
  tlsKey: {
    section: 'Gateway', name: 'TlsKey', paths: true, kind: path, default: '', flag: '--tls-key',
    help: 'Its private key, as PEM without a passphrase.',
  },
  proxies: {
    section: 'Gateway', name: 'Proxies', kind: listOf('a list of IP addresses', (text) => isIP(text) !== 0), default: [], flag: '--proxy',
    help: 'Addresses of proxies in front of `dagstore gateway`, whose `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` are believed. Without them all that come by a proxy count as one client.',
  },
  denylists: {
    section: 'Gateway', name: 'Denylists', paths: true, kind: pathsKind, default: [], flag: '--denylist',
    help: 'Files in the compact denylist format (as badbits.deny): what they name is answered with 410, or 451 where they say so. Read again when they change, and on SIGHUP.',
  },
  accessLog: {
    section: 'Gateway', name: 'AccessLog', paths: true, kind: path, default: '', flag: '--access-log',
    help: 'File to which a line is added for each request; opened again on SIGHUP. `-`: stdout. Empty: none; but `dagstore gateway` writes to stdout where nothing is said.',
  },
  accessLogFormat: {
    section: 'Gateway', name: 'AccessLogFormat', kind: choice('text', 'json'), default: 'text', flag: '--access-log-format',
    help: 'Ten fields as frisbii writes them, or an object a line.',
  },
  gatewayRequests: {
    section: 'Gateway', name: 'GatewayRequests', kind: wholeNumber(0), default: 512,
    help: 'Requests that are answered at a time; others wait for their turn. 0: no limit.',
  },
  gatewayClientRequests: {
    section: 'Gateway', name: 'GatewayClientRequests', kind: wholeNumber(0), default: 64,
    help: 'Of those, of one client: one address, of IPv6 one network of 64 bits. 0: no limit.',
  },
  gatewayBytesPerSecond: {
    section: 'Gateway', name: 'GatewayBytesPerSecond', kind: bytesFrom(0), default: 0,
    help: 'Bytes that all requests together are sent in a second, shared evenly by their clients. 0: no limit.',
  },
  gatewayClientBytesPerSecond: {
    section: 'Gateway', name: 'GatewayClientBytesPerSecond', kind: bytesFrom(0), default: 0,
    help: 'Bytes that one client is sent in a second. 0: no limit.',
  },
  gatewayMaxBytes: {
    section: 'Gateway', name: 'GatewayMaxBytes', kind: bytesFrom(0), default: 0,
    help: 'Bytes of one answer; a CAR that gets longer is broken off. 0: no limit.',
  },
  gatewayMaxMs: {
    section: 'Gateway', name: 'GatewayMaxTime', kind: durationKind, default: 43_200_000,
    help: 'How long one request may take; then it is broken off. "0s": no limit.',
  },
  gatewayWaitMs: {
    section: 'Gateway', name: 'GatewayWait', kind: durationKind, default: 10_000,
    help: 'How long a request waits for its turn, and for shards that are not indexed yet where a block is not found in others; then it is answered with 503 and Retry-After.',
  },
}
