/**
 * What a request asks for, and whether as a WebSocket.
 *
 * Source: RFC 9112, 3.2.2 (of a target with a host that host counts, and not `Host`); RFC 9110, 7.8 (an upgrade that is not taken is
 * ignored, as of Java's client, which offers HTTP/2 with every request).
 */
import { IncomingMessage } from 'node:http'

export const isRpcPath = (path: string): boolean => path === '/rpc/v0' || path === '/rpc/v1'

/** Of a request that names one; `''` otherwise. Without the query, which may hold a token. */
export const pathOf = ({ url = '' }: Pick<IncomingMessage, 'url'>): string => url.startsWith('/') ? url.replace(/\?.*$/s, '') : ''

/** Makes a path and a `Host` of `http://host/path`. What is neither that nor a path stays as it is. */
export const settleTarget = (request: IncomingMessage): void => {
  const target = targetOf(request.url)
  if (target === undefined) return
  request.headers.host = target.host
  request.url = target.url
}

const targetOf = (url = ''): { readonly host: string, readonly url: string } | undefined => {
  const [, host, rest = ''] = /^https?:\/\/([^/?#\\@]+)((?:[/?].*)?)$/is.exec(url) ?? []
  return host === undefined ? undefined : { host, url: rest.startsWith('/') ? rest : `/${rest}` }
}

/** Node leaves to 'upgrade' what this says yes to, and parses the rest as any other request. */
export const takesUpgrade = ({ method, headers, url }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && isRpcPath(pathOf(targetOf(url) ?? { url }))

const offers = new WeakSet<IncomingMessage>()

/**
 * For Node before 24.9, which knows no `shouldUpgradeCallback`: with a listener for upgrades it hands over every request that offers
 * one, its body unread. Its parser sets `upgrade`, asks it, and on a no goes on as if nobody listened.
 */
export class ServedRequest extends IncomingMessage {
  get upgrade (): boolean {
    return offers.has(this) && (this.method === 'CONNECT' || takesUpgrade(this))
  }

  /** Set by the constructor it comes from, so nothing of this class is there yet. */
  set upgrade (offered: boolean | null) {
    if (offered === true) offers.add(this)
    else offers.delete(this)
  }
}

/**
 * One whose upgrade was not taken: the parser has stopped behind it, and what came with it in one piece is lost. So nothing that
 * follows on its connection can be trusted to begin where a request begins.
 */
export const isLastOfConnection = ({ headers: { upgrade, connection = '' } }: IncomingMessage): boolean =>
  upgrade !== undefined && /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(connection)
