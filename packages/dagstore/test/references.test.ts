/** A CAR that says in which other files its data is, as a shard. */
import { carV1, makeBlock, seededBytes } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { openHarness, rejection } from './harness.ts'

it('is refused for good, by its code, before anything is indexed', async () => {
  const key = makeBlock(new TextEncoder().encode('/filestore/UDSAEIGHJBQN25EA472LLLTQL6ITP2IKBKQLYZ6W5EGPQB4N2ZUX3PNWVU'))
  const node = makeBlock(seededBytes(1, 200))
  await using h = await openHarness()
  h.sources.put('a', carV1([node.cid], [{ ...key, data: Buffer.from('0a0d646174612f7a65726f2e62696e100018808040', 'hex') }, node]))
  await h.store.register('a', 'test:a')
  expect(await rejection(h.store.acquire('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', cause: { code: 'CARV2_REFERENCES' } })
  expect((await h.store.shard('a'))?.error).toMatchObject({ code: 'CARV2_REFERENCES', retry: 'never' })
  expect(await rejection(h.store.blockstore.bytes(CID.decode(node.cid)))).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
})
