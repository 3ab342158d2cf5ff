/** Records as they were written before the address of the client was kept in them. */
import * as cbor from '@ipld/dag-cbor'
import { makeBlock } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { decodeTransfer, encodeTransfer } from '../src/online/transfer-record.ts'
import { decodeRetrieval, encodeRetrieval, type RetrievalDeal } from '../src/retrieval/retrieval-deal.ts'

const withoutLast = (bytes: Uint8Array, count = 1): Uint8Array => cbor.encode(cbor.decode<unknown[]>(bytes).slice(0, -count))
const refused = expect.objectContaining({ code: 'DEAL_BAD_RECORD' })

it('transfers are read, from nobody that is known', () => {
  const record = { totalBytes: 1000, tokenDigest: Uint8Array.of(1, 2, 3), expiresAt: 17, from: { url: 'http://127.0.0.1/data', token: 'secret' }, client: undefined }
  const bytes = encodeTransfer(record)
  expect(decodeTransfer(withoutLast(bytes))).toEqual(record)
  expect(() => decodeTransfer(withoutLast(bytes, 2))).toThrow(refused)
})

it('retrievals are read, from nobody that is known', () => {
  const deal: RetrievalDeal = {
    dealId: 5n, id: 6n, tokenDigest: Uint8Array.of(1, 2, 3), payloadCid: CID.decode(makeBlock(Uint8Array.of(1)).cid), shard: 'key', pieceCid: undefined, selector: undefined, clientPeer: undefined,
    client: '', state: 'DealStatusAccepted', sentBytes: 7, message: '', createdAt: 8, updatedAt: 9,
  }
  const bytes = encodeRetrieval({ ...deal, client: '127.0.0.1' })
  expect(decodeRetrieval(5n, withoutLast(bytes))).toEqual(deal)
  expect(() => decodeRetrieval(5n, withoutLast(bytes, 2))).toThrow(refused)
})
