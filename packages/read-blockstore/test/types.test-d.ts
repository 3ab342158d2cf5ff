/** Compiled, never run: what fits where. */
import type { Blockstore } from 'interface-blockstore'
import { exporter } from 'ipfs-unixfs-exporter'
import type { CID } from 'multiformats/cid'
import type { CID as CID13 } from 'multiformats-13/cid'
import { CID as CID9 } from 'multiformats-9/cid'
import { describe, expect, it } from 'vitest'
import { type AnyCid, readBlock, type ReadBlockstore, type ShardBlockstore, toCid } from '../src/index.ts'
import { readBlockstoreSuite } from '../src/suite.ts'

declare const foreign: Blockstore
declare const own: ReadBlockstore
declare const shard: ShardBlockstore
declare const cid: CID
declare const cid13: CID13

// any js-stores store is one of ours
export const fromForeign: ReadBlockstore = foreign
export const takesOwn = (store: ReadBlockstore): ReadBlockstore => store
takesOwn(foreign)
export const takesGet = (store: Pick<ReadBlockstore, 'get'>): Pick<ReadBlockstore, 'get'> => store
takesGet(foreign)

// and ours goes where a consumer asks for a part of theirs
export const part: Pick<Blockstore, 'get'> = own
export const half: Pick<Blockstore, 'has' | 'get' | 'getMany' | 'getAll'> = own
export const fromShard: Pick<Blockstore, 'get'> = shard
export const exported: ReturnType<typeof exporter> = exporter(cid, own)
export const exportedToo: ReturnType<typeof exporter> = exporter(cid, shard)

// but never where a full one is asked for
// @ts-expect-error it cannot be written to
export const full: Blockstore = own

// CIDs of every multiformats major, and their bytes
export const any: readonly AnyCid[] = [cid, cid13, CID9.parse(''), cid.bytes, toCid(cid13)]
for (const one of any) {
  void own.has(one)
  own.get(one)
  own.getMany([one])
  void shard.size(one)
  void shard.bytes(one)
  void shard.bytesAt(one, 0, 1)
  void readBlock(own, one)
}
own.getMany((async function * () { yield cid13 })())
own.getMany(new Set([cid, cid13]))
void readBlock(foreign, cid13)

// signals in both forms of options
own.get(cid, { signal: new AbortController().signal })
void shard.bytes(cid, { signal: undefined })

// @ts-expect-error a text is no CID
own.get('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')
// @ts-expect-error nor is a multihash
own.get(cid.multihash)

// the test framework's functions fit as they are
readBlockstoreSuite('types', { describe, it, expect }, { open: async () => own })
readBlockstoreSuite('types', { describe, it, expect }, { open: async () => foreign, lacks: { close: 'not in the interface' } })
