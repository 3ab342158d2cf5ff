/** The target of a request, taken apart. */
import type { CID } from 'multiformats/cid'
import { GatewayRefusal } from '../refusal.ts'
import { namedCidOf } from './cid-text.ts'

export const IPFS = '/ipfs/'

export interface ContentPath {
  readonly root: CID
  /** The root as it writes itself. */
  readonly name: string
  /** Decoded; none of them empty. */
  readonly segments: readonly string[]
  /** As it was sent. */
  readonly text: string
  /** As it was sent, without the `?`. */
  readonly query: string
}

/** What a request target may have; whatever of it is repeated in a header is then no danger there. */
const PRINTABLE = /^[\x21-\x7e]+$/

/** @param target - that starts with {@link IPFS}. @throws {GatewayRefusal} `GATEWAY_BAD_PATH`, `GATEWAY_BAD_CID` */
export const contentPathOf = (target: string): ContentPath => {
  if (!PRINTABLE.test(target)) throw new GatewayRefusal('GATEWAY_BAD_PATH', 400, 'The path has characters that have to be percent-encoded.')
  const mark = target.indexOf('?')
  const text = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? '' : target.slice(mark + 1)
  const slash = text.indexOf('/', IPFS.length)
  const { cid, name } = namedCidOf(decoded(text.slice(IPFS.length, slash < 0 ? undefined : slash)))
  return { root: cid, name, segments: slash < 0 ? NONE : segmentsOf(text.slice(slash)), text, query }
}

const NONE: readonly string[] = []

/** A name with an encoded `/` stays one name; empty ones, as of a `/` at the end, count for nothing. */
const segmentsOf = (path: string): readonly string[] => {
  const segments: string[] = []
  for (const part of path.split('/')) {
    if (part === '') continue
    const segment = decoded(part)
    if (segment === '.' || segment === '..') throw new GatewayRefusal('GATEWAY_BAD_PATH', 400, 'The path has a segment . or .., which askers resolve themselves.')
    segments.push(segment)
  }
  return segments
}

const decoded = (part: string): string => {
  if (!part.includes('%')) return part
  try {
    return decodeURIComponent(part)
  } catch (cause) {
    throw new GatewayRefusal('GATEWAY_BAD_PATH', 400, 'The path is not percent-encoded UTF-8.', { cause })
  }
}
