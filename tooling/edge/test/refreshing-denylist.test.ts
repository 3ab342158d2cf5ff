import { makeBlocks } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import type { Denylist } from '@dagstore/trustless-gateway'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createR2Objects } from '../../../examples/worker/src/r2-source.ts'
import { createRefreshingDenylist, type KnownDenylist } from '../../../examples/worker/src/refreshing-denylist.ts'
import { createTestBucket } from './buckets.ts'

const hashes = createHashes()
const [first, second] = makeBlocks(1, 2, { min: 10, max: 10 }).map(({ cid }) => CID.decode(cid)) as [CID, CID]
const listOf = (...cids: readonly CID[]): Uint8Array => new TextEncoder().encode(`version: 1\n---\n${cids.map((cid) => `/ipfs/${cid}\n`).join('')}`)
const bucket = createTestBucket()
/** As a request at `now` sees it. */
const at = (known: KnownDenylist, now: number): Denylist => createRefreshingDenylist(known, createR2Objects(bucket, () => {}), 'a.deny', { hashes, refreshMs: 1000, now })
const unknown = (): KnownDenylist => ({ rules: undefined, etag: undefined, readAt: 0 })

describe('a denylist beside the CARs', () => {
  it('lets nothing pass before it was read, and is read once for the time that it counts', async () => {
    const known = unknown()
    bucket.objects.clear()
    await expect(at(known, 5000).check(first)).rejects.toEqual(expect.objectContaining({ code: 'GATEWAY_DENYLIST_MISSING', status: 503 }))
    bucket.put('a.deny', listOf(first))
    bucket.asked.length = 0
    expect(await at(known, 5000).check(first)).toMatchObject({ status: 410 })
    const later = at(known, 5999)
    expect(later.check(first)).toMatchObject({ status: 410 })
    expect(later.check(second)).toBeUndefined()
    expect(bucket.asked).toHaveLength(1)
  })

  it('is read again when it is old and another one, and asks no more than whether it is', async () => {
    const known = unknown()
    bucket.put('a.deny', listOf(first))
    await at(known, 0).check(first)
    bucket.asked.length = 0
    const again = at(known, 1000)
    expect(await again.check(second)).toBeUndefined()
    expect(again.check(first)).toMatchObject({ status: 410 })
    expect(bucket.asked).toEqual(['a.deny -1'])
    bucket.put('a.deny', listOf(second))
    expect(await at(known, 2000).check(second)).toMatchObject({ status: 410 })
    expect(at(known, 2001).check(first)).toBeUndefined()
  })

  it('stays in force when it cannot be read any more, or is too long', async () => {
    const known = unknown()
    bucket.put('a.deny', listOf(first))
    await at(known, 0).check(first)
    bucket.objects.clear()
    expect(await at(known, 9000).check(first)).toMatchObject({ status: 410 })
    bucket.put('a.deny', new Uint8Array((16 << 20) + 1))
    expect(await at(known, 9000).check(first)).toMatchObject({ status: 410 })
  })
})
