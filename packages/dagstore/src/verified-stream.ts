/** The CARv1 payload of a shard, each block hashed before its section is handed on. */
import { encodeVarint, parseCid, scanSections } from '@dagstore/carv2'
import type { CallOptions } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import type { ShardSession } from './runner/session.ts'

/** @throws {BlockstoreError} `BLOCKSTORE_HASH_MISMATCH`, `BLOCKSTORE_UNKNOWN_HASH` */
export async function * verifiedStream ({ mount, hashes }: Pick<ShardSession, 'mount' | 'hashes'>, { signal }: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { source, layout } = mount
  yield await source.read(layout.payloadStart, layout.headerBytes, { signal })
  for await (const section of scanSections(source, layout, { data: true, signal })) {
    const { cid, data, sectionOffset } = section
    if (data === undefined) throw new TypeError('sections were asked for with their data')
    const { hashCode, digest } = parseCid(cid, 0)
    if (!hashes.has(hashCode)) throw new BlockstoreError('BLOCKSTORE_UNKNOWN_HASH', `no hasher; code=0x${hashCode.toString(16)}`, { cid: CID.decode(cid) })
    if (!hashes.matches(hashCode, digest, data)) {
      throw new BlockstoreError('BLOCKSTORE_HASH_MISMATCH', `block does not match its CID; offset=${layout.payloadStart + sectionOffset}`, { cid: CID.decode(cid) })
    }
    const length = encodeVarint(cid.byteLength + data.byteLength)
    const out = new Uint8Array(length.byteLength + cid.byteLength + data.byteLength)
    out.set(length)
    out.set(cid, length.byteLength)
    out.set(data, length.byteLength + cid.byteLength)
    yield out
  }
}
