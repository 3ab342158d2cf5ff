/// <reference lib="esnext.disposable" preserve="true" />
/** What the suite is given. */
import type { CID } from 'multiformats/cid'
import type { ReadBlockstore } from '../read-blockstore.ts'

/** The test framework: vitest's and jest's functions fit as they are. */
export interface SuiteApi {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: ((name: string, body: () => Promise<void>) => unknown) & { readonly skip?: (name: string, body: () => Promise<void>) => unknown }
  readonly expect: (value: unknown) => { toBe(expected: unknown): unknown, toEqual(expected: unknown): unknown }
}

export interface SuiteBlock {
  readonly cid: CID
  readonly bytes: Uint8Array
}

export type SuiteStore = ReadBlockstore & Partial<AsyncDisposable>

/** What a store may lack, and say so; everything else is asked of all. */
export const CAPABILITIES = {
  bytes: 'the power BlockBytes',
  sizes: 'the power BlockSizes',
  ranges: 'the power BlockRanges',
  close: 'Symbol.asyncDispose, after which every call is refused',
  oneChunk: 'a block in exactly one chunk',
  multihashKeys: 'blocks found under another codec or version of the CID',
  codecs: 'CIDs with the codec of the section from getAll',
  identity: 'blocks under identity CIDs',
  duplicates: 'the same multihash given twice',
  anyCid: 'CIDs of other multiformats majors, and binary ones',
  unreadable: 'a way to make reading fail: openUnreadable',
  verify: 'a way to damage blocks, and a check of what is read: openDamaged',
} as const

export type Capability = keyof typeof CAPABILITIES

/** A store of the kind under test, in the states that the suite asks for; each call gives one of its own. */
export interface ReadBlockstoreSubject {
  /** Holds exactly these blocks. Closed by the suite where it can be closed. */
  open(blocks: readonly SuiteBlock[]): Promise<SuiteStore>
  /** Holds these blocks, but every read of block data fails as a broken disk does. */
  openUnreadable?(blocks: readonly SuiteBlock[]): Promise<SuiteStore>
  /** Holds these blocks, each with some bit of its data changed; no identity CIDs, no empty blocks. */
  openDamaged?(blocks: readonly SuiteBlock[]): Promise<SuiteStore>
  /** Capability to the reason why it is missing; one skipped test stands for those that need it, with the reason in its name. @default none */
  readonly lacks?: Readonly<Record<string, string>>
}
