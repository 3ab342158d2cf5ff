/** What tools of a storage provider are told by a node of ours: those written for Lotus, and our own, over HTTP and WebSocket. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { fileUrl } from '@dagstore/mounts'
import { createCommP } from '@dagstore/piece'
import { CarReader } from '@ipld/car'
import { CID } from 'multiformats/cid'
import { afterEach, describe, expect, it, type TestContext } from 'vitest'
import { useGo } from './go-program.ts'
import { type LotusNode, openLotusNode, registerLazily } from './lotus-node.ts'
import { holdSession, readSession, type Session, type SessionPlan } from './lotus-session.ts'

const { go } = useGo()
const folders: string[] = []
afterEach(async () => { for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true }) })

interface Prepared extends AsyncDisposable {
  readonly node: LotusNode
  readonly plan: SessionPlan
  /** Shards in state New that the session leaves to initialize-all. */
  readonly left: readonly string[]
  readonly piece: string
  /** The piece of the deal whose data is imported. */
  readonly offline: string
}

const proposal = (at: number): CID => CID.decode(makeBlocks(9000 + at, 1, { min: 30, max: 40 })[0]!.cid)

const prepare = async (): Promise<Prepared> => {
  const folder = await mkdtemp(join(tmpdir(), 'lotus-node-'))
  folders.push(folder)
  const node = await openLotusNode(folder)
  const [register, initialize, ...rest] = node.good.filter(({ content }) => content === 'car')
  const { bytes, root } = newCar(77)
  await registerLazily(node, [initialize!, ...rest, ...node.sealed])
  await node.pieces.addPayload(root, CID.parse(register!.pieceCid))
  const reader = await CarReader.fromBytes(node.sectors.payload(initialize!.pieceCid))
  const [payload] = await reader.getRoots()
  await node.pieces.addPayload(payload!, CID.parse(initialize!.pieceCid))

  // errored for a reason that is gone by now
  const mended = join(folder, 'mended.car')
  await node.dagstore.register('mended', fileUrl(mended))
  await node.dagstore.initialize('mended').catch(() => {})
  await writeFile(`${mended}.new`, bytes)
  await rename(`${mended}.new`, mended)

  const data = newCar(78)
  const path = join(folder, 'offline.car')
  await writeFile(path, data.bytes)
  await node.deals.accept({ proposalCid: proposal(0), proposal: proposalOf(data.bytes), dealId: 18446744073709551614n, transferType: 'manual' })
  // whoever waits for news of deals gets some
  const news = setInterval(() => { void node.deals.accept({ proposalCid: proposal(Math.floor(performance.now())), proposal: proposalOf(data.bytes), transferType: 'manual' }).catch(() => {}) }, 50)
  return {
    node,
    left: rest.map(({ pieceCid }) => pieceCid),
    piece: initialize!.pieceCid,
    offline: proposalOf(data.bytes).pieceCid.toString(),
    plan: {
      Register: register!.pieceCid, Initialize: initialize!.pieceCid, Recover: 'mended', Payload: payload!.toString(), Piece: initialize!.pieceCid, Proposal: proposal(0).toString(), Path: path,
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(news)
      await node[Symbol.asyncDispose]()
    },
  }
}

const newCar = (seed: number): { readonly bytes: Uint8Array, readonly root: CID } => {
  const blocks = makeBlocks(seed, 4, { min: 100, max: 300 })
  return { bytes: carV1([blocks[0]!.cid], blocks), root: CID.decode(blocks[0]!.cid) }
}

const proposalOf = (bytes: Uint8Array): Parameters<LotusNode['deals']['accept']>[0]['proposal'] => {
  const commp = createCommP()
  commp.write(bytes)
  const { cidV1, paddedBytes } = commp.finish()
  return { pieceCid: cidV1, pieceSize: paddedBytes, verifiedDeal: true, client: 'f01001', provider: 'f01000', label: 'offline', startEpoch: 100n, endEpoch: 2_000_000n, storagePricePerEpoch: 2n ** 70n, providerCollateral: 0n, clientCollateral: 0n }
}

const error = (text: string | RegExp): object => ({ error: typeof text === 'string' ? text : expect.stringMatching(text) })

const check = ({ plan, node, left, piece, offline }: Prepared, told: Session, how: 'http' | 'ws'): void => {
  const resultOf = (name: string): unknown => told[name]?.result
  expect(told['Version']).toMatchObject({ result: { Version: '0.1.0', APIVersion: 0x10500, BlockDelay: 30 } })
  expect(told['AuthNew']).toEqual({ result: true })
  expect(told['AuthVerify']).toEqual({ result: ['read', 'write'] })
  expect(told['AuthVerify of a bad one']).toEqual(error('JWT Verification failed'))
  expect(told['Session again']).toEqual({ result: true })
  expect(told['Discover']).toEqual({ result: '1.2.6' })
  expect(told['LogList']).toEqual({ result: ['deals', 'rpc'] })
  expect(told['LogSetLevel']?.error).toBeUndefined()
  expect(told['LogSetLevel of none']).toEqual(error(/no such subsystem or level/))
  expect(told['LogSetLevel to none']).toEqual(error(/no such subsystem or level/))

  const listed = resultOf('DagstoreListShards') as readonly { readonly Key: string, readonly State: string, readonly Error: string }[]
  expect(listed.map(({ Key }) => Key)).toEqual(listed.map(({ Key }) => Key).toSorted())
  expect(listed).toContainEqual({ Key: 'mended', State: 'ShardStateErrored', Error: expect.stringMatching(/^MOUNT_MISSING: /) })
  expect(listed).toContainEqual({ Key: piece, State: 'ShardStateNew', Error: '' })
  for (const name of ['DagstoreRegisterShard', 'DagstoreRegisterShard again', 'DagstoreInitializeShard', 'DagstoreRecoverShard']) expect([name, told[name]?.error]).toEqual([name, undefined])
  expect(told['DagstoreRegisterShard of no CID']).toEqual(error(/^parsing shard key as piece cid/))
  expect(told['DagstoreInitializeShard again']).toEqual(error(/^cannot initialize shard; expected state ShardStateNew, was: ShardState(Available|Serving)$/))
  expect(told['DagstoreInitializeShard of none']).toEqual(error('failed to get shard info: shard not found'))
  expect(told['DagstoreRecoverShard again']).toEqual(error(/^cannot recover shard; expected state ShardStateErrored, was: ShardState(Available|Serving)$/))
  expect(told['DagstoreRecoverShard of none']).toEqual(error('failed to get shard info: shard not found'))
  expect((resultOf('DagstoreLookupPieces') as typeof listed).map(({ Key }) => Key)).toContain(piece)
  expect(told['DagstoreGC']?.error).toBeUndefined()
  expect(told['IndexerAnnounceAllDeals']).toEqual(error("RPC error (-32601): method 'Filecoin.IndexerAnnounceAllDeals' not found"))

  expect(told['PiecesListPieces']?.result).toContainEqual({ '/': piece })
  expect((resultOf('PiecesListCidInfos') as readonly unknown[]).length).toBeGreaterThan(0)
  expect(told['PiecesGetPieceInfo']).toMatchObject({ result: { PieceCID: { '/': piece }, Deals: expect.arrayContaining([expect.objectContaining({ DealID: '18446744073709551615', Length: expect.any(Number) })]) } })
  expect(told['PiecesGetPieceInfo of none']).toEqual(error(`piece with CID ${plan.Payload}: not found`))
  expect(told['PiecesGetCIDInfo']).toMatchObject({ result: { CID: { '/': plan.Payload }, PieceBlockLocations: [{ RelOffset: 0, PieceCID: { '/': piece } }] } })
  expect(told['PiecesGetCIDInfo of none']).toEqual(error(`payload CID ${plan.Proposal}: not found`))
  expect(told['MarketListIncompleteDeals']?.result).toContainEqual(expect.objectContaining({
    ProposalCid: { '/': plan.Proposal }, DealID: '18446744073709551614', State: 18, Proposal: expect.objectContaining({ Client: 'f01001', StartEpoch: 100 }),
  }))
  expect(told['MarketImportDealData']?.error).toBeUndefined()
  expect(told['DealsImportData']).toEqual(error(/./)) // it has its data
  expect(told['DealsImportData of none']).toEqual(error(/./))

  if (how === 'http') {
    expect(told['DagstoreInitializeAll']).toEqual(error(/no out channel support/))
  } else {
    const events = resultOf('DagstoreInitializeAll') as readonly { readonly Key: string, readonly Event: string, readonly Success: boolean, readonly Total: number, readonly Current: number }[]
    // the piece of the deal that was just imported may be under way: it is waited for as well
    const others = new Set(left)
    const ended = events.filter(({ Event, Success }) => Event === 'end' && Success).map(({ Key }) => Key)
    expect(ended.filter((key) => others.has(key)).toSorted()).toEqual([...left].sort())
    expect(ended.filter((key) => !others.has(key)).filter((key) => key !== offline)).toEqual([])
    expect(events).toHaveLength(2 * ended.length)
    expect(events.at(-1)).toMatchObject({ Total: ended.length })
    if (node.sealed.length > 0) expect(told['DagstoreInitializeAll left']).toEqual({ result: 'start' })
    expect(told['MarketGetDealUpdates']).toMatchObject({ result: { ProposalCid: { '/': expect.any(String) }, State: expect.any(Number) } })
  }
  expect(told['Shutdown']?.error).toBeUndefined()
  expect(node.shutdowns).toBe(1)
}

/** What callers leave behind. */
const settled = async ({ node }: Prepared): Promise<void> => {
  for (let busy = true; busy;) {
    busy = false
    for await (const { health, key, leases } of node.dagstore.shards()) busy ||= health === 'initializing' || (leases > 0 && key === 'mended')
  }
}

/** Over WebSocket with the token in the URL, as browsers send it; over HTTP in the header. */
const place = ({ node }: Prepared, how: 'http' | 'ws'): { readonly url: string, readonly token: string } =>
  how === 'http' ? { url: node.url, token: node.token() } : { url: `${node.url.replace('http', 'ws')}?token=${node.token()}`, token: '' }

describe.each(['http', 'ws'] as const)('a node of ours, over %s', (how) => {
  it('answers a client on go-jsonrpc as Lotus does', async (context: TestContext) => {
    const { lotus } = go(context)
    await using prepared = await prepare()
    const { url, token } = place(prepared, how)
    check(prepared, readSession(await lotus('session', url, token, JSON.stringify(prepared.plan))), how)
    await settled(prepared)
  })
  it('answers a client of ours the same', async () => {
    await using prepared = await prepare()
    const { url, token } = place(prepared, how)
    check(prepared, await holdSession(url, token === '' ? undefined : token, prepared.plan), how)
    await settled(prepared)
  })
  it('refuses a client on go-jsonrpc what its token does not allow, in the words of Lotus', async (context: TestContext) => {
    const { lotus } = go(context)
    await using prepared = await prepare()
    const url = how === 'http' ? prepared.node.url : prepared.node.url.replace('http', 'ws')
    for (const [permissions, refused] of [[undefined, ['write', 'admin']], [['read'], ['write', 'admin']], [['read', 'write'], ['admin']]] as const) {
      const told = JSON.parse(await lotus('refusals', url, permissions === undefined ? '' : prepared.node.token(permissions))) as Record<string, { readonly perm: string, readonly error: string }>
      const unknown = new Set(['IndexerAnnounceAllDeals'])
      for (const [name, { perm, error: said }] of Object.entries(told)) {
        if (!unknown.has(name) && (refused as readonly string[]).includes(perm)) expect([name, said]).toEqual([name, `missing permission to invoke '${name}' (need '${perm}')`])
        else expect([name, said]).not.toEqual([name, expect.stringContaining('missing permission')])
      }
      expect(Object.keys(told).length).toBeGreaterThan(how === 'http' ? 8 : 9)
    }
  })
})
