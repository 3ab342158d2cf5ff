/** Following a path through blocks: UnixFS directories, sharded ones, links by name of other dag-pb, maps and lists. */
import type { CID } from 'multiformats/cid'
import { type InBlock, followCbor, followJson } from './data-path.ts'
import { pbLinkCid, pbNameEquals } from './dag-pb.ts'
import { isFile, readPb } from './entity.ts'
import { DagError } from './errors.ts'
import { findInShard, openShard } from './hamt.ts'
import { CBOR, DAG_CBOR, DAG_JSON, DAG_PB, decoding, isKnownCodec, JSON_CODEC, RAW } from './links.ts'
import type { Place, Traversal } from './traversal.ts'
import type { DagBlock } from './walk-options.ts'

/** Segments; or text in which `/` separates them, empty ones and `.` count for nothing, and `..` takes back the one before it. */
export type DagPath = string | readonly string[]

/** Where a path ends. */
export interface Terminus extends Place {
  /** Segments that lead on inside the block, to a value without a link. */
  readonly remainder: readonly string[]
  /** The block, where it had to be read to find that out. */
  readonly bytes: Uint8Array | undefined
}

const textEncoder = new TextEncoder()

/** @throws {DagError} `DAG_BAD_PATH`: `..` above the root, or a segment that is not well-formed text */
export const segmentsOf = (path: DagPath, root: CID): readonly string[] => {
  const segments: string[] = []
  if (typeof path === 'string') {
    for (const segment of path.split('/')) {
      if (segment === '' || segment === '.') continue
      if (segment !== '..') segments.push(segment)
      else if (segments.pop() === undefined) throw new DagError('DAG_BAD_PATH', 'path leads above the root', root)
    }
  } else {
    segments.push(...path)
  }
  // a lone surrogate would be looked up as another character
  if (segments.some((segment) => /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(segment))) throw new DagError('DAG_BAD_PATH', 'path is not well-formed text', root)
  return segments
}

/**
 * Yields the blocks that lead to where the path ends, without the last one unless the path ends inside it; also the one that leads nowhere.
 *
 * @returns where it ends; `undefined`: a block was missing and told so
 * @throws {DagError} `DAG_NO_LINK`, `DAG_NOT_DIRECTORY`, `DAG_BAD_UNIXFS`, `DAG_UNKNOWN_CODEC` and what reading blocks throws
 */
export async function * followPath (traversal: Traversal, root: CID, segments: readonly string[], maxLinks: number): AsyncGenerator<DagBlock, Terminus | undefined, undefined> {
  let place: Place = { cid: root, depth: 0, parent: undefined, where: '/' }
  let used = 0
  let usedBits = 0
  while (used < segments.length) {
    const bytes = await traversal.read(place)
    if (bytes === undefined) return undefined
    // also when it leads nowhere: it proves that
    const block = traversal.yielded(place, bytes)
    if (block !== undefined) yield block
    const step = stepFrom(place, bytes, segments.slice(used), usedBits, maxLinks)
    if (step.link === undefined) return { ...place, remainder: segments.slice(used), bytes }
    const where = step.used === 0 ? place.where : below(place, segments.slice(used, used + step.used))
    used += step.used
    usedBits = step.usedBits
    place = { cid: step.link, depth: place.depth + 1, parent: place.cid, where }
  }
  return { ...place, remainder: [], bytes: undefined }
}

/** Over `used` segments to a block; `link` undefined: all of them lead to a value inside this one. */
interface PathStep {
  readonly link: CID | undefined
  readonly used: number
  /** Bits of the hash used, when the next block is a shard of the same directory. */
  readonly usedBits: number
}

const stepFrom = (place: Place, bytes: Uint8Array, segments: readonly string[], usedBits: number, maxLinks: number): PathStep => {
  const { cid } = place
  if (usedBits > 0 && cid.code !== DAG_PB) throw new DagError('DAG_BAD_UNIXFS', `shard of another codec; codec=0x${cid.code.toString(16)}`, cid, place)
  switch (cid.code) {
    case DAG_PB: return stepInPb(place, bytes, segments[0]!, usedBits, maxLinks)
    case RAW: throw new DagError('DAG_NOT_DIRECTORY', `raw block on the way; segment=${segments[0]}`, cid, place)
    case DAG_CBOR: case CBOR: return stepInData(place, segments, decoding(cid, () => followCbor(bytes, segments, cid.code === DAG_CBOR)))
    case DAG_JSON: case JSON_CODEC: return stepInData(place, segments, decoding(cid, () => followJson(bytes, segments, cid.code === DAG_JSON)))
    default:
      if (isKnownCodec(cid.code)) throw new DagError('DAG_NOT_DIRECTORY', `nothing to follow a path in; codec=0x${cid.code.toString(16)}`, cid, place)
      throw new DagError('DAG_UNKNOWN_CODEC', `no decoder for the codec; codec=0x${cid.code.toString(16)}`, cid, place)
  }
}

const stepInPb = (place: Place, bytes: Uint8Array, segment: string, usedBits: number, maxLinks: number): PathStep => {
  const { cid } = place
  const { node, unixfs } = readPb(cid, bytes, maxLinks)
  if (isFile(unixfs) || unixfs?.type === 'symlink') throw new DagError('DAG_NOT_DIRECTORY', `${unixfs.type} on the way; segment=${segment}`, cid, place)
  if (unixfs?.type === 'hamt' || usedBits > 0) {
    const shard = openShard(cid, bytes, node, unixfs, usedBits)
    const found = findInShard(shard, segment)
    if (found === undefined) throw noLink(place, segment)
    return found.isShard ? { link: found.cid, used: 0, usedBits: usedBits + shard.slotBits } : { link: found.cid, used: 1, usedBits: 0 }
  }
  const name = textEncoder.encode(segment)
  for (let n = 0; n < node.linkCount; n++) {
    if (pbNameEquals(bytes, node, n, name)) return { link: decoding(cid, () => pbLinkCid(bytes, node, n)), used: 1, usedBits: 0 }
  }
  throw noLink(place, segment)
}

const stepInData = (place: Place, segments: readonly string[], found: InBlock): PathStep => {
  if (found.to === 'nothing') throw noLink({ ...place, where: below(place, segments.slice(0, found.used)) }, segments[found.used]!)
  return found.to === 'value' ? { link: undefined, used: 0, usedBits: 0 } : { link: found.link, used: found.used, usedBits: 0 }
}

const below = ({ where = '' }: Place, segments: readonly string[]): string => `${where === '/' ? '' : where}/${segments.join('/')}`

const noLink = (place: Place, segment: string): DagError => new DagError('DAG_NO_LINK', `no link of that name; segment=${segment}`, place.cid, place)
