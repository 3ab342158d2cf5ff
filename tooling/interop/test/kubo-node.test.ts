/** Our blockstore of an IPFS node, on a real one. */
import { carV1, makeBlock, seededBytes } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createKuboBlockstore, type IpfsBlockstore } from '@dagstore/ipfs-blockstore'
import { apiOf } from '@dagstore/ipfs-blockstore/node'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { expect, it, type TestContext } from 'vitest'
import { type KuboNode, useKubo } from './kubo.ts'

const { kubo, at } = useKubo(process.env['DAGSTORE_LONG'] === '1')
const hashes = createHashes()

const open = async (context: TestContext): Promise<{ readonly node: KuboNode, readonly url: string, readonly store: IpfsBlockstore }> => {
  const node = await kubo(context).start(at(`repository ${context.task.id}`))
  const url = await apiOf({ ipfsPath: node.repository })
  return { node, url, store: createKuboBlockstore({ url }) }
}
const block = (seed: number, length: number, codec = 0x55, hash = 0x12): { readonly cid: CID, readonly bytes: Uint8Array } => {
  const bytes = seededBytes(seed, length)
  return { cid: CID.createV1(codec, create(hash, hashes.digest(hash, bytes))), bytes }
}
const codeOf = async (call: () => unknown): Promise<unknown> => {
  try {
    return await call()
  } catch (error) {
    return (error as { readonly code?: string }).code
  }
}

it('keeps blocks of every hash, codec and length, under the CIDs that they have', async (context) => {
  const { node, url, store } = await open(context)
  await using _node = node
  const blocks = [
    block(1, 1000), block(2, 1000, 0x55, 0xb220), block(3, 1000, 0x55, 0x13), block(4, 0), block(5, 3 << 20),
    // bytes that are none of that codec, and a codec that nobody knows
    block(6, 100, 0x70), block(7, 100, 0x300123, 0xb220),
  ]
  for (const { cid, bytes } of blocks) {
    expect([await store.has(cid), await codeOf(() => store.bytes(cid)), await codeOf(() => store.size(cid))]).toEqual([false, 'BLOCKSTORE_NOT_FOUND', 'BLOCKSTORE_NOT_FOUND'])
    await store.put(cid, bytes)
  }
  await store.close()
  await using again = createKuboBlockstore({ url })
  for (const { cid, bytes } of blocks) {
    expect([await again.has(cid), await again.size(cid)]).toEqual([true, bytes.byteLength])
    expect(await again.bytes(cid)).toEqual(bytes)
  }
  const listed: string[] = []
  for await (const { cid } of again.getAll()) listed.push(cid.toString())
  expect(listed).toEqual(expect.arrayContaining(blocks.map(({ cid }) => CID.createV1(0x55, cid.multihash).toString())))
})

it('says absent of each form of a CID in the words that we know', async (context) => {
  const { node, store } = await open(context)
  await using _node = node
  const { multihash } = block(1, 10).cid
  for (const cid of [CID.createV0(create(0x12, multihash.digest)), CID.createV1(0x70, multihash), CID.createV1(0x71, multihash), block(2, 10, 0x55, 0xb220).cid, block(3, 10, 0x55, 0x13).cid]) {
    expect([await store.has(cid), await codeOf(() => store.bytes(cid)), await codeOf(() => store.size(cid))]).toEqual([false, 'BLOCKSTORE_NOT_FOUND', 'BLOCKSTORE_NOT_FOUND'])
  }
  await store.close()
})

it('imports a CAR, pins its roots, and loses to a garbage collection what is not pinned', async (context) => {
  const { node, store } = await open(context)
  await using _node = node
  const blocks = Array.from({ length: 40 }, (_, i) => makeBlock(seededBytes(100 + i, 200_000)))
  const car = carV1([blocks[0]!.cid, blocks[1]!.cid], blocks)
  const roots = await store.importCar((async function * () { for (let from = 0; from < car.byteLength; from += 65_536) yield car.subarray(from, from + 65_536) })(), { pinRoots: true })
  const pinned = await node.ipfs('pin', 'ls', '--type=recursive', '--quiet')
  expect(pinned.split('\n')).toEqual(expect.arrayContaining(roots.map(String)))
  const cids = blocks.map(({ cid }) => CID.decode(cid))
  expect(await Promise.all(cids.map((cid) => store.has(cid)))).toEqual(cids.map(() => true))
  await store.unpin(roots[1]!)
  expect(await codeOf(() => store.unpin(roots[1]!))).toBe('IPFS_REFUSED')
  expect(await codeOf(() => store.pin(block(9, 9).cid))).toBe('IPFS_REFUSED')
  await node.ipfs('repo', 'gc', '--quiet')
  expect(await Promise.all(cids.map((cid) => store.has(cid)))).toEqual(cids.map((_, i) => i === 0))
  await store.close()
})

it('lets us in with the header of its configuration, and refuses others in words without it', async (context) => {
  const { node } = await open(context)
  await node[Symbol.asyncDispose]()
  await node.ipfs('config', '--json', 'API.Authorizations', '{"us":{"AuthSecret":"bearer:let-us-in","AllowedPaths":["/api/v0"]}}')
  await using restarted = await kubo(context).restart(node.repository)
  const url = await apiOf({ ipfsPath: restarted.repository })
  const { cid, bytes } = block(1, 100)
  await using ours = createKuboBlockstore({ url, headers: { authorization: 'Bearer let-us-in' } })
  await ours.put(cid, bytes)
  await ours.flush()
  expect(await ours.bytes(cid)).toEqual(bytes)
  await using others = createKuboBlockstore({ url, headers: { authorization: 'Bearer wrong-secret' } })
  const failure = await Promise.resolve(others.has(cid)).catch((error: unknown) => error) as Error
  expect(failure).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE', cause: { code: 'IPFS_REFUSED', status: 403 } })
  expect(failure.message).not.toContain('wrong-secret')
})
