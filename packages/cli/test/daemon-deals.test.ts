/** Deals at the port of a daemon, each a process of its own: proposed, pushed, killed in the middle, sealed, read, given back. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { decodeDealStatus, decodeProposalAnswer, decodeProviderAsk, decodeRetrievalAnswer, decodeRetrievalOffer, type DealStatus, encodeClientProposal, encodeProposalMessage, encodeRetrievalProposal, proposalCidOf } from '@dagstore/deal-protocol'
import { createHashes, SHA2_256 } from '@dagstore/hashes'
import { createCommP, pieceCidV1 } from '@dagstore/piece'
import { BlockNotFoundError, oneChunk, toCid } from '@dagstore/read-blockstore'
import { type PayloadSource, payloadSource, pushPayload } from '@dagstore/transfer'
import * as pb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { call, commandFile, type RunningDaemon, startDaemon } from './daemon-process.ts'
import { dagstore } from './terminal.ts'

const bin = await commandFile()
const hashes = createHashes()
const TOKEN = 'k'.repeat(43)
const headers = { 'x-transfer-token': TOKEN }

const folder = async (): Promise<string> => {
  const made = await mkdtemp(join(tmpdir(), 'dagstore-deals-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

interface Data { readonly root: CID, readonly leaf: CID, readonly leafBytes: Uint8Array, readonly source: PayloadSource, readonly proposal: Uint8Array, readonly name: CID, readonly message: string }

/** Leaves of so many bytes under one root, and a deal about them. */
const dataOf = async (seed: number, leaves: number, bytes: number): Promise<Data> => {
  const blocks = new Map<string, Uint8Array>()
  const add = (codec: number, data: Uint8Array): CID => {
    const cid = CID.createV1(codec, create(SHA2_256, hashes.digest(SHA2_256, data)))
    blocks.set(cid.toString(), data)
    return cid
  }
  const links = Array.from({ length: leaves }, (_, at) => add(0x55, seededBytes(seed * 1000 + at, bytes)))
  const root = add(0x70, pb.encode(pb.prepare({ Links: links.map((Hash) => ({ Hash, Name: '', Tsize: bytes })) })))
  const find = (cid: Parameters<typeof toCid>[0]): Uint8Array => {
    const found = blocks.get(toCid(cid).toString())
    if (found === undefined) throw new BlockNotFoundError(toCid(cid))
    return found
  }
  const source = await payloadSource({ get: (cid: CID) => oneChunk(async () => find(cid)), size: (cid: CID) => find(cid).byteLength } as Parameters<typeof payloadSource>[0], root, { hashes })
  const commp = createCommP()
  for await (const chunk of source.stream(0)) commp.write(chunk)
  const { commitment, paddedBytes } = commp.finish()
  const proposal = encodeClientProposal({
    pieceCid: pieceCidV1(commitment), pieceSize: paddedBytes, verifiedDeal: false, client: 'f01001', provider: 'f01000', label: root.toString(),
    startEpoch: 100_000_000n, endEpoch: 101_000_000n, storagePricePerEpoch: 0n, providerCollateral: 0n, clientCollateral: 0n,
  }, undefined)
  return {
    root, leaf: links[1]!, leafBytes: find(links[1]!), source, proposal, name: proposalCidOf(proposal),
    message: encodeProposalMessage({ clientProposal: proposal, payloadCid: root, payloadBytes: source.sizeBytes, transfer: { type: 'http-push' }, fastRetrieval: true }),
  }
}

const propose = ({ url }: RunningDaemon, message: string, more: Record<string, string> = {}): Promise<Response> => fetch(`${url}/deals/v1/proposals`, { method: 'POST', headers: { ...headers, ...more }, body: message })

const settled = async ({ url }: RunningDaemon, name: CID): Promise<DealStatus> => {
  for (;;) {
    const status = decodeDealStatus(await (await fetch(`${url}/deals/v1/deals/${name.toString()}`, { headers })).text())
    if (status.state === 'StorageDealActive' || status.state === 'StorageDealError') return status
  }
}

describe('deals at the port of a daemon', () => {
  it('go from a proposal to a shard that is read and given back, though the daemon is killed while their data come', async () => {
    const cwd = await folder()
    const data = await dataOf(1, 6, 100_000)
    let daemon = await startDaemon(bin, [], { cwd })
    expect(decodeProviderAsk(await (await fetch(`${daemon.url}/deals/v1/ask`)).text())).toMatchObject({ provider: 'f01000', transferTypes: ['http-push', 'http-pull', 'manual'] })
    expect(decodeProposalAnswer(await (await propose(daemon, data.message)).text())).toMatchObject({ accepted: true })
    const leaving = new AbortController()
    const cut = pushPayload(`${daemon.url}/deals/v1/transfers/${data.name.toString()}`, data.source, {
      token: TOKEN, partBytes: 1 << 16, signal: leaving.signal, onProgress: ({ doneBytes }) => { if (doneBytes > 200_000) leaving.abort(new Error('half of it')) },
    })
    await expect(cut).rejects.toThrow('half of it')
    daemon.child.kill('SIGKILL')
    await daemon.ended
    daemon = await startDaemon(bin, [], { cwd })
    const head = await fetch(`${daemon.url}/deals/v1/transfers/${data.name.toString()}`, { method: 'HEAD', headers })
    expect(Number(head.headers.get('upload-offset'))).toBeGreaterThan(200_000)
    await pushPayload(`${daemon.url}/deals/v1/transfers/${data.name.toString()}`, data.source, { token: TOKEN })
    expect(await settled(daemon, data.name)).toMatchObject({ state: 'StorageDealActive', payloadBytes: data.source.sizeBytes })

    const read = await fetch(`${daemon.url}/ipfs/${data.leaf.toString()}?format=raw`)
    expect(Buffer.compare(Buffer.from(await read.arrayBuffer()), data.leafBytes)).toBe(0)
    const offer = decodeRetrievalOffer(await (await fetch(`${daemon.url}/deals/v1/query?payload=${data.root.toString()}`)).text())
    expect(offer).toMatchObject({ status: 'available', sizeBytes: data.source.sizeBytes })
    const answer = await fetch(`${daemon.url}/deals/v1/retrievals`, { method: 'POST', headers, body: encodeRetrievalProposal({ id: 1n, payloadCid: data.root, terms: offer.terms }) })
    const { dealId } = decodeRetrievalAnswer(await answer.text())
    const car = await fetch(`${daemon.url}/deals/v1/retrievals/${dealId}/ipfs/${data.root.toString()}?format=car`, { headers })
    expect(Buffer.from(await car.arrayBuffer()).includes(Buffer.from(data.leafBytes))).toBe(true)
    expect((await fetch(`${daemon.url}/deals/v1/retrievals/${dealId}`, { method: 'DELETE', headers })).status).toBe(204)
    expect((await call(daemon, 'MarketListRetrievalDeals')).result).toMatchObject([{ Status: 15, PayloadCID: { '/': data.root.toString() } }])
    expect((await call(daemon, 'MarketListDataTransfers')).result).toMatchObject([{ IsSender: false, Status: 6 }, { IsSender: true, Status: 6 }])
    expect((await call(daemon, 'MarketGetAsk')).result).toMatchObject({ Ask: { Miner: 'f01000' } })
    daemon.child.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)

    // what the store has of them is listed without a daemon too
    const listed = async (...args: readonly string[]): Promise<unknown> => JSON.parse((await dagstore(cwd, [...args, '--json'])).stdout)
    expect(await listed('retrieval-deals', 'list')).toMatchObject([{ Status: 15, PayloadCID: { '/': data.root.toString() } }])
    expect(await listed('data-transfers', 'list', '--completed')).toMatchObject([{ IsSender: true, Status: 6, BaseCID: { '/': data.root.toString() } }])
    expect(await dagstore(cwd, ['data-transfers', 'cancel', String(dealId)])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('only a daemon goes on with transfers or ends them') })
  })

  it('are taken from this machine alone, unless the configuration says otherwise', async () => {
    const data = await dataOf(2, 2, 1000)
    const near = await startDaemon(bin, [], { cwd: await folder() })
    expect((await propose(near, data.message, { 'x-forwarded-for': '192.0.2.1' })).status).toBe(403)
    expect((await propose(near, data.message, { origin: 'https://page.example' })).status).toBe(403)
    expect((await propose(near, data.message)).status).toBe(200)
    const never = await startDaemon(bin, [], { cwd: await folder(), env: { DAGSTORE_ACCEPTDEALS: 'never' } })
    expect((await propose(never, data.message)).status).toBe(404)
    const always = await startDaemon(bin, [], { cwd: await folder(), env: { DAGSTORE_ACCEPTDEALS: 'always', DAGSTORE_ANONYMOUSREAD: 'never', DAGSTORE_PRICEPEREPOCHPERGIB: '5000000' } })
    const answer = decodeProposalAnswer(await (await propose(always, data.message, { 'x-forwarded-for': '192.0.2.1' })).text())
    expect(answer).toMatchObject({ accepted: false, message: expect.stringContaining('price') })
  })

  it('are not given back what a denylist names', async () => {
    const cwd = await folder()
    const data = await dataOf(3, 2, 1000)
    const list = join(cwd, 'badbits.deny')
    await writeFile(list, `version: 1\nname: test\n---\n/ipfs/${data.leaf.toString()}\n`)
    const daemon = await startDaemon(bin, [], { cwd, env: { DAGSTORE_DENYLISTS: list } })
    await propose(daemon, data.message)
    await pushPayload(`${daemon.url}/deals/v1/transfers/${data.name.toString()}`, data.source, { token: TOKEN })
    await settled(daemon, data.name)
    const answer = await fetch(`${daemon.url}/deals/v1/retrievals`, { method: 'POST', headers, body: encodeRetrievalProposal({ id: 1n, payloadCid: data.root, terms: { pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 0n, paymentIntervalIncrease: 0n } }) })
    const { dealId } = decodeRetrievalAnswer(await answer.text())
    expect((await fetch(`${daemon.url}/deals/v1/retrievals/${dealId}/ipfs/${data.leaf.toString()}?format=raw`, { headers })).status).toBe(410)
  })
})

describe('deals that the demo has made', () => {
  it('have a provider that is not asked without a daemon, and that gives the data back where one runs', async () => {
    const cwd = await folder()
    const bytes = seededBytes(36, 300_000)
    await writeFile(join(cwd, 'file.bin'), bytes)
    const made = await dagstore(cwd, ['demo', '--json', 'file.bin'])
    const root = (JSON.parse(made.stdout) as { readonly items: readonly { readonly payloadCid: string }[] }).items[0]!.payloadCid
    const listed = await dagstore(cwd, ['client', 'list-deals'])
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('Active') })
    expect(listed.stderr).not.toContain('WARN')
    expect(await dagstore(cwd, ['client', 'find', root])).toMatchObject({ code: 0, stdout: 'LOCAL\n' })
    const daemon = await startDaemon(bin, [], { cwd })
    expect((await dagstore(cwd, ['client', 'find', root])).stdout).toMatch(/^LOCAL\nRETRIEVAL f01000@http:\/\/provider\.demo\.invalid-0 FIL-/)
    expect(await dagstore(cwd, ['client', 'retrieve', '--no-local', root, 'out.bin'])).toMatchObject({ code: 0, stdout: 'Success\n' })
    expect(Buffer.compare(await readFile(join(cwd, 'out.bin')), bytes)).toBe(0)
    expect(daemon.said().stderr).not.toContain('WARN')
  })
})
