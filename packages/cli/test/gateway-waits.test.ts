/** A gateway of a store that has not indexed everything yet. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { fileUrl } from '@dagstore/mounts'
import { createGateway, type Gateway } from '@dagstore/trustless-gateway'
import { CID } from 'multiformats/cid'
import { expect, it, onTestFinished } from 'vitest'
import { openShardStore } from '../src/compose.ts'
import { watchIndexed } from '../src/gateway/changes.ts'

const [first, second] = [1, 2].map((seed) => makeBlocks(seed, 20, { min: 100, max: 900 })) as [ReturnType<typeof makeBlocks>, ReturnType<typeof makeBlocks>]

it('sends a block as soon as its shard is indexed, and says that it is absent once all are', async () => {
  const root = await mkdtemp(join(tmpdir(), 'gateway-waits-'))
  const { dagstore, close } = await openShardStore({ path: join(root, 'store'), label: 'store' })
  onTestFinished(async () => {
    await close()
    await rm(root, { recursive: true })
  })
  for (const [name, blocks] of [['a', first], ['b', second]] as const) {
    await writeFile(join(root, `${name}.car`), carV1([blocks[0]!.cid], blocks))
    await dagstore.register(name, fileUrl(join(root, `${name}.car`)))
  }
  // time stands still but for a moment after each change: nothing but the store tells when to look again
  const clock = createFakeClock()
  const gateway: Gateway = createGateway({ blockstore: dagstore.blockstore, verify: 'never', unindexed: { changed: watchIndexed(dagstore).changed }, clock })
  const ask = async (cid: Uint8Array): Promise<{ readonly status: number | undefined, readonly body: unknown }> => {
    const answer = await gateway.answer({ method: 'GET', target: `/ipfs/${CID.decode(cid).toString()}?format=raw`, header: () => undefined })
    return { status: answer?.status, body: answer?.body }
  }
  const [absent] = makeBlocks(3, 1, { min: 100, max: 900 })
  const there = ask(second[7]!.cid)
  const never = ask(absent!.cid)
  let waits = 2
  void there.then(() => { waits-- })
  void never.then(() => { waits-- })
  await dagstore.initialize('a')
  await new Promise((resolve) => { setImmediate(resolve) })
  expect(waits).toBe(2)
  await dagstore.initialize('b')
  for (let ms = 0; ms < 90 && waits > 0; ms += 10) {
    await new Promise((resolve) => { setImmediate(resolve) })
    await clock.advance(10)
  }
  expect(await there).toEqual({ status: 200, body: second[7]!.data })
  expect((await never).status).toBe(404)
})
