/** Compiled, never run: what fits where. */
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import type { CID as CID13 } from 'multiformats-13/cid'
import { promote, type PromotedBlockstore } from '../src/index.ts'

declare const owner: AsyncDisposable
declare const own: ReadBlockstore
declare const foreign: Blockstore
declare const cid: CID
declare const cid13: CID13

const promoted: PromotedBlockstore = promote(own, owner)
export const blockstore: Blockstore = promoted
export const readable: ReadBlockstore = promoted
export const disposable: AsyncDisposable = promoted
export const again: Blockstore = promote(promoted, promoted)
export const fromForeign: Blockstore = promote(foreign, owner)

export const answers: Promise<boolean>[] = [promoted.has(cid), promoted.has(cid13), promoted.has(cid.bytes)]
promoted.getMany([cid, cid13, cid.bytes])
promoted.get(cid13, { signal: new AbortController().signal })

// @ts-expect-error a text is no CID
promoted.get('bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi')
// @ts-expect-error there must be an owner
promote(own)
