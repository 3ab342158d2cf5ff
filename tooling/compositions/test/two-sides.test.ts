/** Client and provider joined: data go all the way round and come back the same, many at a time, in every form. */
import { carV1, carV2, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import type { DealSources } from '@dagstore/deal-client'
import { payloadForm, walkDag } from '@dagstore/dag'
import { fromNode } from '@dagstore/ipfs-blockstore'
import type { AnyCid } from '@dagstore/read-blockstore'
import { CarReader } from '@ipld/car'
import { MemoryBlockstore } from 'blockstore-core'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { below, collect, GATEWAY, PROVIDER, Sides, sorted } from './two-sides/both-sides.ts'

const done = { state: 'DealStatusCompleted', code: undefined, message: '' } as const
const filesOf = (count: number, bytes: (n: number) => number): Map<string, Uint8Array> => new Map(Array.from({ length: count }, (_, n) => [`/home/file-${n}`, seededBytes(n + 10, bytes(n))]))
const importAll = (sides: Sides): Promise<CID[]> => Promise.all([...sides.user.keys()].map((path) => sides.import(path)))

/** Each CAR of the DAG has the same blocks, as `@ipld/car` reads them. */
const blocksIn = async (car: AsyncIterable<Uint8Array>): Promise<Map<string, Uint8Array>> => {
  const reader = await CarReader.fromIterable(car)
  return new Map((await collect(reader.blocks())).map(({ cid, bytes }) => [cid.toString(), bytes]))
}

const quietly = async (sides: Sides): Promise<void> => {
  await sides.until(() => sides.staged().length === 0)
  expect([...sides.client.problems, ...sides.provider.problems]).toEqual([])
  await sides.close()
}

describe('a folder, imported by reference,', () => {
  it.each(['http-push', 'http-pull'] as const)('goes to a provider and comes back the same: %s', async (transferType) => {
    const sides = await Sides.open({ seed: transferType })
    const root = await sides.import()
    const deal = await sides.deal(root, { transferType })
    expect(deal.stages.map(({ state }) => state)).toEqual(expect.arrayContaining(['StorageDealFundsReserved', 'StorageDealTransferring', 'StorageDealActive']))
    const got = await sides.retrieve(root)
    expect(got).toMatchObject({ ...done, from: PROVIDER.slice(0, -1) })
    expect(sorted(await sides.exported(got))).toEqual(below(sides.user))
    await quietly(sides)
  })

  it('comes back by a path, by a range of bytes, from a plain gateway, and from the import itself', async () => {
    const sides = await Sides.open({ seed: 'parts' })
    const root = await sides.import()
    await sides.deal(root)
    const part = await sides.retrieve(root, { selector: 'sub/c.bin' })
    expect(part).toMatchObject(done)
    const car = sides.client.retrievals.files.exportCar(part.file!, { root, selector: { path: 'sub/c.bin' } })
    expect([...(await blocksIn(car)).values()]).toContainEqual(sides.user.get('/home/data/sub/c.bin'))
    const plain = await sides.during(sides.client.retrievals.retrieve({ root, providers: [GATEWAY], localFirst: false }))
    expect(plain).toMatchObject({ ...done, from: GATEWAY.slice(0, -1) })
    expect(sorted(await sides.exported(plain))).toEqual(below(sides.user))
    const asked: string[] = []
    sides.fate = ({ url }) => { asked.push(url); return { kind: 'refuse' } }
    const local = await sides.during(sides.client.retrievals.retrieve({ root, providers: [PROVIDER] }))
    expect(local).toMatchObject({ ...done, from: 'import' })
    expect(asked).toEqual([])
    expect(sorted(await sides.exported(local))).toEqual(below(sides.user))
    await quietly(sides)
  })
})

describe('scenario of Lotus:', () => {
  it('16 deals and 16 retrievals at a time, as files and as CARs', async () => {
    const sides = await Sides.open({ seed: '16', user: filesOf(16, (n) => 500 + n * 317) })
    const roots = await importAll(sides)
    const deals = await Promise.all(roots.map((root, n) => sides.deal(root, { transferType: n % 2 === 0 ? 'http-push' : 'http-pull' })))
    expect(new Set(deals.map(({ proposalCid }) => proposalCid.toString())).size).toBe(16)
    const got = await Promise.all(roots.map((root) => sides.retrieve(root)))
    for (const [n, retrieval] of got.entries()) {
      expect(retrieval).toMatchObject(done)
      const bytes = sides.user.get(`/home/file-${n}`)!
      expect([...(await sides.exported(retrieval)).values()]).toEqual([bytes])
      for (const version of [1, 2] as const) {
        const car = await collect(sides.client.retrievals.files.exportCar(retrieval.file!, { version }))
        const whole = new Uint8Array(Buffer.concat(car))
        const reader = await CarReader.fromBytes(version === 1 ? whole : whole.subarray(Number(new DataView(whole.buffer).getBigUint64(27, true)), Number(new DataView(whole.buffer).getBigUint64(27, true) + new DataView(whole.buffer).getBigUint64(35, true))))
        expect((await reader.getRoots()).map(String)).toEqual([retrieval.root.toString()])
        expect((await collect(reader.blocks())).map((block) => block.bytes)).toContainEqual(bytes)
      }
    }
    await quietly(sides)
  })

  it('of 20 deals at a time no more are sent at once than the client says, and than the provider says', async () => {
    for (const limit of ['client', 'provider'] as const) {
      const sides = await Sides.open({
        seed: `20 ${limit}`, user: filesOf(20, () => 700), client: limit === 'client' ? { maxTransfers: 2 } : { maxTransfers: 20 },
        provider: limit === 'provider' ? { limits: { transfers: { maxActive: 2, maxActivePerClient: 20 } } } : {},
      })
      const roots = await importAll(sides)
      let [now, most] = [0, 0]
      const { handler } = sides.provider
      const counted: typeof handler = async (request) => {
        if (request.method !== 'PUT') return handler(request)
        const body = request.body!.getReader()
        let isRead = false
        const seen = new ReadableStream<Uint8Array>({
          pull: async (controller) => {
            if (!isRead) {
              isRead = true
              most = Math.max(most, ++now)
              // whoever else is let in comes now
              for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => { setImmediate(resolve) })
            }
            const { done: isOver, value } = await body.read()
            if (!isOver) return controller.enqueue(value)
            now--
            controller.close()
          },
          cancel: (reason) => body.cancel(reason),
        }, { highWaterMark: 0 })
        return handler(new Request(request, { body: seen, duplex: 'half' } as RequestInit))
      }
      sides.replace('provider', { handler: counted })
      await Promise.all(roots.map((root) => sides.deal(root)))
      expect(most).toBe(2)
      expect(now).toBe(0)
      await quietly(sides)
    }
  })

  it('two deals of one piece, one after the other, share its place and its shard', async () => {
    const sides = await Sides.open({ seed: 'twice' })
    const root = await sides.import()
    const first = await sides.deal(root)
    const second = await sides.active((await sides.during(sides.client.deals.start({ provider: PROVIDER, root, transferType: 'http-pull' }))).proposalCid)
    expect(second.proposalCid.equals(first.proposalCid)).toBe(false)
    expect(second.proposal.pieceCid.equals(first.proposal.pieceCid)).toBe(true)
    expect((await sides.provider.pieces.get(first.proposal.pieceCid)).length).toBe(1)
    expect((await collect(sides.provider.dagstore.shards())).length).toBe(1)
    expect(await sides.retrieve(root)).toMatchObject(done)
    await quietly(sides)
  })

  it.each([512, 1024, 2048])('the padding of %i bytes changes nothing', async (bytes) => {
    const sides = await Sides.open({ seed: `padding ${bytes}`, user: filesOf(1, () => bytes) })
    const [root] = await importAll(sides) as [CID]
    const deal = await sides.deal(root)
    expect(deal.proposal.pieceSize).toBe(bytes * 2)
    const got = await sides.retrieve(root)
    expect([...(await sides.exported(got)).values()]).toEqual([...sides.user.values()])
    await quietly(sides)
  })

  it('an offline deal, with upscaling to more than its payload needs', async () => {
    const sides = await Sides.open({ seed: 'offline' })
    const root = await sides.import()
    const { paddedBytes } = await sides.during(sides.client.deals.commP(root))
    const { proposalCid, proposal } = await sides.during(sides.client.deals.start({ provider: PROVIDER, root, transferType: 'manual', pieceBytes: paddedBytes * 4 }))
    expect(proposal.pieceSize).toBe(paddedBytes * 4)
    await sides.until(async () => await sides.provider.deals.deal(proposalCid) !== undefined)
    const opened = (await sides.client.imports.openRoot(root))!
    const payload = await collect(payloadForm(opened.blockstore, root))
    await opened.close()
    sides.world('provider').fs.plant('sent/by-post.car', new Uint8Array(Buffer.concat(payload)))
    await sides.during(sides.provider.deals.importData(proposalCid, { path: 'sent/by-post.car' }))
    await sides.active(proposalCid)
    const got = await sides.retrieve(root)
    expect(sorted(await sides.exported(got))).toEqual(below(sides.user))
    await quietly(sides)
  })

  it.each([1, 2])('a CARv%i, imported as it is', async (version) => {
    const [leaf, ...more] = makeBlocks(version, 4, { min: 300, max: 900 })
    const bytes = version === 1 ? carV1([leaf!.cid], [leaf!, ...more]) : carV2({ roots: [leaf!.cid], blocks: [leaf!, ...more] })
    const sides = await Sides.open({ seed: `car ${version}`, user: new Map([['/home/a.car', bytes]]) })
    const { root, form, carOwner } = await sides.during(sides.client.imports.importPath('/home/a.car', { car: true }))
    expect({ form, carOwner }).toEqual({ form: 'car', carOwner: 'user' })
    await sides.deal(root)
    const got = await sides.retrieve(root)
    expect(got).toMatchObject(done)
    const car = await blocksIn(sides.client.retrievals.files.exportCar(got.file!))
    expect([...car]).toEqual([[root.toString(), leaf!.data]])
    expect(sides.user.get('/home/a.car')).toEqual(bytes)
    await quietly(sides)
  })
})

describe('several who retrieve one piece', () => {
  it('share its shard, and each has what it asked for', async () => {
    const sides = await Sides.open({ seed: 'shared' })
    const root = await sides.import()
    const { proposal } = await sides.deal(root)
    const orders = [...Array.from({ length: 7 }, () => ({})), { selector: 'sub' }, { selector: 'a.bin' }]
    const got = await sides.during(Promise.all(orders.map((order) => sides.client.retrievals.retrieve({ root, providers: [PROVIDER], localFirst: false, ...order }))))
    for (const one of got) expect(one).toMatchObject(done)
    expect(new Set(got.map(({ id }) => id)).size).toBe(9)
    expect(sides.provider.acquired.length).toBeLessThan(9)
    expect(new Set(sides.provider.acquired)).toEqual(new Set([proposal.pieceCid.toString()]))
    await sides.until(() => sides.provider.retrievals.retrievals().every(({ state }) => state === 'DealStatusCompleted'))
    const shard = await sides.provider.dagstore.shard(proposal.pieceCid.toString())
    expect(shard?.leases ?? 0).toBe(0)
    await quietly(sides)
  })

  it('L8: two clients with one id have a store and a session each, and neither ends the other', async () => {
    const sides = await Sides.open({ seed: 'L8' })
    const root = await sides.import()
    await sides.deal(root)
    const other = await Sides.open({ seed: 'L8 other', at: sides })
    let held: (() => void) | undefined
    const first = new Promise<void>((resolve) => { held = resolve })
    // the first one waits in the middle until the second one is through
    const { handler } = sides.provider
    sides.replace('provider', {
      handler: async (request) => {
        const answer = await handler(request)
        if (new URL(request.url).pathname.includes('/ipfs/') && held !== undefined) {
          const go = held
          held = undefined
          go()
          await second
        }
        return answer
      },
    })
    const order = { id: 7n, root, providers: [PROVIDER], localFirst: false }
    const early = sides.client.retrievals.retrieve(order)
    let secondDone: (() => void) | undefined
    const second = new Promise<void>((resolve) => { secondDone = resolve })
    await sides.during(first)
    const late = await other.during(other.client.retrievals.retrieve(order))
    expect(late).toMatchObject({ ...done, id: 7n })
    secondDone!()
    expect(await sides.during(early)).toMatchObject({ ...done, id: 7n })
    expect(sides.provider.retrievals.retrievals().map(({ id, state }) => [id, state])).toEqual([[7n, 'DealStatusCompleted'], [7n, 'DealStatusCompleted']])
    expect(new Set(sides.provider.retrievals.retrievals().map(({ dealId }) => dealId)).size).toBe(2)
    for (const [one, retrieval] of [[sides, await early], [other, late]] as const) expect(sorted(await one.exported(retrieval))).toEqual(below(sides.user))
    await other.client.close()
    await quietly(sides)
  })
})

describe('with an IPFS node', () => {
  const nodeWith = (): ReturnType<typeof fromNode> & { readonly pinned: string[] } => {
    const pinned: string[] = []
    const store = fromNode({ blockstore: new MemoryBlockstore(), pins: { add: async (cid) => { pinned.push(cid.toString()) }, rm: async () => {} } })
    return Object.assign(store, { pinned })
  }

  it('data that are only there become a deal', async () => {
    const node = nodeWith()
    const data = await Sides.open({ seed: 'in the node' })
    const root = await data.import()
    const opened = (await data.client.imports.openRoot(root))!
    for await (const { cid, bytes } of walkDag(opened.blockstore, root)) await node.put(cid, bytes)
    await opened.close()
    await data.close()
    const behind: DealSources = { open: async (cid: AnyCid) => (await node.has(cid) ? { store: node, close: () => {} } : undefined) }
    const sides = await Sides.open({ seed: 'node', user: new Map(), client: { behind } })
    await sides.deal(root)
    const got = await sides.retrieve(root)
    expect(sorted(await sides.exported(got))).toEqual(below(data.user))
    await quietly(sides)
  })

  it.each(['ipfs', 'ipfs-pinned'] as const)('a retrieval goes straight into it: %s', async (into) => {
    const node = nodeWith()
    const sides = await Sides.open({ seed: into, client: { node } })
    const root = await sides.import()
    await sides.deal(root)
    const got = await sides.retrieve(root, { into })
    expect(got).toMatchObject({ ...done, file: undefined })
    expect(node.pinned).toEqual(into === 'ipfs-pinned' ? [root.toString()] : [])
    const opened = (await sides.client.imports.openRoot(root))!
    for await (const { cid, bytes } of walkDag(opened.blockstore, root)) if (cid.multihash.code !== 0) expect(Buffer.concat(await collect((async function * () { yield * node.get(cid) })()))).toEqual(Buffer.from(bytes))
    await opened.close()
    expect(sides.world('client').fs.names().filter((name) => name.startsWith('retrievals/'))).toEqual([])
    await quietly(sides)
  })
})
