/** What is wanted of a block and of what is below it: the pieces of which the scopes are made. */
import type { CID } from 'multiformats/cid'
import { isFile, readPb } from './entity.ts'
import { DagError } from './errors.ts'
import { checkMeets, type EntityBytes, expandFile, expandFilePart, type FilePart, resolveRange } from './file-range.ts'
import { openShard, shardsBelow } from './hamt.ts'
import { DAG_PB, isKnownCodec, linksOf, RAW } from './links.ts'

/** The block and all below it. */
interface All { readonly kind: 'all' }
/** The block, which may be of any codec. */
interface Only { readonly kind: 'block' }
/** The file or directory that starts at the block; of a file the range. `mustBeFile`, `mustMeet`: anything else, a range that meets no byte of it, is an error. */
interface EntityTask { readonly kind: 'entity', readonly range: EntityBytes, readonly mustBeFile: boolean, readonly mustMeet: boolean }
/** The block, which is a shard, and the shards below it. */
interface ShardTask { readonly kind: 'shard', readonly usedBits: number }

export type Task = All | Only | EntityTask | ShardTask | FilePart

export const ALL: Task = { kind: 'all' }
export const ONLY: Task = { kind: 'block' }

export interface Expansion {
  readonly links: readonly CID[]
  /** One for all links, or one for each. */
  readonly tasks: Task | readonly Task[]
  /** Of a file: the bytes wanted that stand in the block itself. */
  readonly content?: Uint8Array
}

export interface ExpandRules {
  readonly maxLinks: number
  /** Called instead of failing; `undefined`: fail. */
  readonly onUnknownCodec: ((cid: CID) => void) | undefined
}

const NOTHING: Expansion = { links: [], tasks: ONLY }

/** Whether a visit under the task reaches everything that any visit of that kind would reach below the block. */
export const isWhole = (task: Task): boolean => task.kind !== 'file' || task.whole

/** @throws {DagError} `DAG_BAD_BLOCK`, `DAG_BAD_UNIXFS`, `DAG_NOT_FILE`, `DAG_OUTSIDE`, `DAG_TOO_MANY_LINKS`, `DAG_UNKNOWN_CODEC` */
export const expand = (cid: CID, bytes: Uint8Array, task: Task, rules: ExpandRules): Expansion => {
  switch (task.kind) {
    case 'all':
      if (cid.code === RAW) return NOTHING
      if (rules.onUnknownCodec !== undefined && !isKnownCodec(cid.code)) {
        rules.onUnknownCodec(cid)
        return NOTHING
      }
      return { links: linksOf(cid, bytes, rules.maxLinks), tasks: ALL }
    case 'block': return NOTHING
    case 'entity': return expandEntity(cid, bytes, task, rules.maxLinks)
    case 'shard': return expandShard(cid, bytes, task.usedBits, rules.maxLinks)
    case 'file': return expandFilePart(cid, bytes, task, rules.maxLinks)
  }
}

const expandEntity = (cid: CID, bytes: Uint8Array, { range, mustBeFile, mustMeet }: EntityTask, maxLinks: number): Expansion => {
  if (cid.code === RAW) {
    if (mustMeet) checkMeets(cid, range, bytes.byteLength)
    const { from, to } = resolveRange(range, bytes.byteLength)
    return { ...NOTHING, content: bytes.subarray(from, Math.max(to + 1, from)) }
  }
  if (cid.code === DAG_PB) {
    const { node, unixfs } = readPb(cid, bytes, maxLinks)
    if (isFile(unixfs)) return expandFile(cid, bytes, unixfs, node, range, mustMeet)
    if (unixfs?.type === 'hamt' && !mustBeFile) return expandShard(cid, bytes, 0, maxLinks)
  }
  if (mustBeFile) throw new DagError('DAG_NOT_FILE', `not a file; codec=0x${cid.code.toString(16)}`, cid)
  return NOTHING
}

const expandShard = (cid: CID, bytes: Uint8Array, usedBits: number, maxLinks: number): Expansion => {
  if (cid.code !== DAG_PB) throw new DagError('DAG_BAD_UNIXFS', `shard of another codec; codec=0x${cid.code.toString(16)}`, cid)
  const { node, unixfs } = readPb(cid, bytes, maxLinks)
  const shard = openShard(cid, bytes, node, unixfs, usedBits)
  return { links: shardsBelow(shard), tasks: { kind: 'shard', usedBits: usedBits + shard.slotBits } }
}
