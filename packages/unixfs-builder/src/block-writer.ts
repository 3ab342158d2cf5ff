/** Where the blocks of a tree go, and how they get their CIDs. */
import { type Hashes, IDENTITY } from '@dagstore/hashes'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import type { ProfileRules } from './profile.ts'

export const RAW = 0x55
export const DAG_PB = 0x70

/** Of a raw leaf of a file: which of the file's bytes it is. */
export interface LeafPlace {
  /** Of the file in the tree, names joined by `/`; empty for a file that is the root. */
  readonly path: string
  /** In bytes from the file's start. */
  readonly offset: number
  /** Never there: so that a blockstore, whose `put` takes options in this place, is a sink as it is. */
  readonly signal?: never
}

/** Any blockstore, or anything else that takes blocks. */
export interface BlockSink {
  /** `false`: it does not look at bytes any more when their `put` has ended, so that their memory may be used again. @default true */
  readonly keepsBytes?: boolean
  /**
   * Awaited before the next block comes. `bytes` belong to the sink. The same block may come more than once.
   *
   * @param leaf - only of raw blocks that are bytes of a file, those with identity CIDs too; profiles without raw leaves never give it
   */
  put(cid: CID, bytes: Uint8Array, leaf?: LeafPlace): unknown
}

/** What a parent needs to know of a finished part of the tree; lengths in bytes. */
export interface BuiltNode {
  readonly cid: CID
  /** Content of the files in it. */
  readonly fileBytes: number
  /** Its blocks and those below it, as often as they are linked: what a link's `Tsize` says. */
  readonly dagBytes: number
  /** Blocks given to the sink for it, repeated ones counted again. */
  readonly blocks: number
}

/** The nodes of a directory without what is in it. */
export interface DirectoryNodes extends Pick<BuiltNode, 'cid' | 'dagBytes' | 'blocks'> {}

export interface BlockWriter {
  readonly rules: ProfileRules
  /** Put one block, under an identity CID when the profile inlines it; the reason of an abort before that. */
  write(codec: typeof RAW | typeof DAG_PB, bytes: Uint8Array, leaf?: LeafPlace): Promise<{ readonly cid: CID, readonly blocks: number }>
}

interface BlockWriterOptions {
  /** `skip`: blocks with identity CIDs are not put, since the CID holds them. */
  readonly identity: 'put' | 'skip'
  readonly signal?: AbortSignal | undefined
}

export const createBlockWriter = (rules: ProfileRules, sink: BlockSink, hashes: Hashes, { identity, signal }: BlockWriterOptions): BlockWriter => ({
  rules,
  write: async (codec, bytes, leaf) => {
    signal?.throwIfAborted()
    const isInline = bytes.byteLength <= rules.inlineBytes
    const hashCode = isInline ? IDENTITY : rules.hashCode
    const digest = Digest.create(hashCode, hashes.digest(hashCode, bytes))
    const cid = rules.cidVersion === 0 ? CID.createV0(digest as Digest.Digest<typeof V0_HASH, number>) : CID.createV1(codec, digest)
    if (isInline && identity === 'skip') return { cid, blocks: 0 }
    await (leaf === undefined ? sink.put(cid, bytes) : sink.put(cid, bytes, leaf))
    return { cid, blocks: 1 }
  },
})

/** The only hash function of CIDs of version 0. */
const V0_HASH = 0x12
