/**
 * The access log: a line for each request, of ten fields in the order of frisbii's, or as an object of JSON.
 *
 *     2026-11-23T09:15:02.113Z 192.0.2.7 GET "/ipfs/bafy…?format=car" 200 41 1048706 - "lassie/v0.24.0" ""
 *
 * Time of the request, address, method, path with query, status, milliseconds to the end, bytes of the body, ratio of compression
 * (`-`: nothing is compressed), agent, code of the error. Texts of others have quotation marks, strokes and control characters escaped.
 *
 * Source: frisbii README "Log format".
 */
import type { ServedRequest } from './served-request.ts'

export type AccessLogFormat = 'text' | 'json'

/** What a line is made of. */
export type AccessEntry = Omit<ServedRequest, 'version'>

/** Longer paths and agents are cut off. */
const MAX_LENGTH = 2048

/** One line, with its end. */
export const accessLine = ({ at, address, method, target, status, ms, bytes, agent, code }: AccessEntry, format: AccessLogFormat): string => {
  const time = new Date(at).toISOString()
  if (format === 'json') {
    return `${JSON.stringify({ time, addr: address, method: cut(method), path: cut(target), status, ms: Math.round(ms), bytes, ratio: null, agent: cut(agent ?? ''), error: code ?? '' })}\n`
  }
  return `${time} ${address || '-'} ${bare(method)} "${quoted(target)}" ${status} ${Math.round(ms)} ${bytes} - "${quoted(agent ?? '')}" "${quoted(code ?? '')}"\n`
}

const cut = (text: string): string => text.length > MAX_LENGTH ? text.slice(0, MAX_LENGTH) : text

// oxlint-disable-next-line no-control-regex
const SPECIAL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029"\\]/g

const quoted = (text: string): string => cut(text).replace(SPECIAL, (char) => char === '"' || char === '\\' ? `\\${char}` : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Tokens of HTTP have none of what would need marks. */
const bare = (method: string): string => /^[\w!#$%&'*+.^`|~-]{1,32}$/.test(method) ? method : '-'
