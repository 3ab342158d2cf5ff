/** Under which CIDs Lotus may know a payload, when only its multihash counts. */
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { multihashOf } from '../cid-facts.ts'
import type { PayloadCid } from '../piece-store.ts'

const DAG_PB = 0x70
const RAW = 0x55
const DAG_CBOR = 0x71
const SHA2_256 = 0x12

/** As text, most likely first. @throws {PieceStoreError} `PIECE_STORE_BAD_CID` */
export const payloadNames = (payload: PayloadCid): readonly string[] => {
  const digest = Digest.decode(multihashOf(payload))
  const names = [DAG_PB, RAW, DAG_CBOR].map((codec) => CID.createV1(codec, digest).toString())
  return digest.code === SHA2_256 && digest.size === 32 ? [...names, CID.createV0(digest as never).toString()] : names
}
