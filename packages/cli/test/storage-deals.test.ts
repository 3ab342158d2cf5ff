/** `storage-deals`, on the store itself and against a daemon: deals that were accepted before get their data. */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import { systemClock } from '@dagstore/io'
import { createCommP, pieceCidV1 } from '@dagstore/piece'
import { createPieceEngine } from '@dagstore/piece/node'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { openShardStore } from '../src/compose.ts'
import { openDeals } from '../src/daemon/deals.ts'
import { createLogs } from '../src/log/logs.ts'
import { call, commandFile, startDaemon } from './daemon-process.ts'
import { dagstore, temporaryFolder } from './terminal.ts'

const bin = await commandFile()

const blocks = makeBlocks(31, 4, { min: 100, max: 300 })
const car = carV1([blocks[0]!.cid], blocks)
/** No CAR: such a deal becomes active, and has no shard. */
const noise = seededBytes(32, 2000)

const proposalCid = (name: string): CID => CID.decode(Uint8Array.of(1, 0x71, 0x12, 0x20, ...createHash('sha256').update(name).digest()))

interface Place { readonly cwd: string, readonly proposals: readonly string[], readonly pieces: readonly string[] }

/** A store with a deal of a CAR and one of noise, both waiting for their data. @param number - on the chain, of the first */
const twoDeals = async (number?: bigint): Promise<Place> => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'payload.car'), car)
  await writeFile(join(cwd, 'noise.bin'), noise)
  const root = { path: join(cwd, '.dagstore'), label: '.dagstore' }
  const store = await openShardStore(root)
  const log = createLogs({ write: () => {}, clock: systemClock, level: 'error', format: 'text', colors: false }).of('deals')
  const deals = await openDeals(store, await store.openPieces(), { miner: 1000n, log })
  const [proposals, pieces]: [string[], string[]] = [[], []]
  for (const [name, bytes] of [['car', car], ['noise', noise]] as const) {
    const commp = createCommP({ engine: createPieceEngine() })
    commp.write(bytes)
    const { commitment, paddedBytes } = commp.finish()
    const cid = proposalCid(name)
    proposals.push(cid.toString())
    pieces.push(pieceCidV1(commitment).toString())
    await deals.accept({
      proposalCid: cid,
      dealId: name === 'car' ? number : undefined,
      transferType: 'manual',
      proposal: {
        pieceCid: pieceCidV1(commitment), pieceSize: paddedBytes, verifiedDeal: true, client: 'f01001', provider: 'f01000', label: 'x',
        startEpoch: 100n, endEpoch: 2100n, storagePricePerEpoch: 12_500_000_000_000n, providerCollateral: 0n, clientCollateral: 0n,
      },
    })
  }
  await deals.close()
  await store.close()
  return { cwd, proposals, pieces }
}

describe('dagstore storage-deals', () => {
  it.each([{ way: 'on the store itself', remote: false }, { way: 'against a daemon', remote: true }])('takes deals from their data to active shards $way', async ({ remote }) => {
    const { cwd, proposals: [first = '', second = ''] } = await twoDeals()
    const daemon = remote ? await startDaemon(bin, [], { cwd }) : undefined
    const before = await dagstore(cwd, ['storage-deals', 'list'])
    expect(before.code, before.stderr).toBe(0)
    const [titles, ...rows] = before.stdout.trimEnd().split('\n')
    expect(titles).toMatch(/^ProposalCid +DealId +State +PieceCid +Client +Size +Price +Duration$/)
    expect(rows.map((row) => row.split(/ {2,}/)).map(([cid, id, state, , client, size, price, duration]) => [cid, id, state, client, size, price, duration]).sort()).toEqual([first, second].sort()
      .map((cid) => [`...${cid.slice(-8)}`, '0', 'StorageDealWaitingForData', 'f01001', expect.stringMatching(/ KiB$/), '0.025 FIL', '2000']).sort())
    expect((await dagstore(cwd, ['storage-deals', 'list', '-v'])).stdout).toContain(first)

    const wrong = await dagstore(cwd, ['storage-deals', 'import-data', first, 'noise.bin'])
    expect(wrong).toMatchObject({ code: 1, stdout: '' })
    expect(wrong.stderr).toMatch(/^dagstore: noise\.bin: .*\([A-Z_]+\)\n$/)
    expect((await dagstore(cwd, ['storage-deals', 'import-data', first, 'nope.car'])).stderr).toContain('(IO_NOT_FOUND)')
    expect((await dagstore(cwd, ['storage-deals', 'import-data', proposalCid('none').toString(), 'payload.car'])).code).toBe(1)

    expect(await dagstore(cwd, ['storage-deals', 'import-data', first, 'payload.car'])).toMatchObject({ code: 0, stdout: 'imported payload.car\n' })
    expect(await dagstore(cwd, ['storage-deals', 'import-data', '--json', second, 'noise.bin'])).toMatchObject({ code: 0, stdout: 'null\n' })
    const states = async (): Promise<readonly string[]> => (await dagstore(cwd, ['storage-deals', 'list'])).stdout.match(/StorageDeal\w+/g) ?? []
    while ((await states()).some((state) => state !== 'StorageDealActive')) await new Promise((resolve) => { setTimeout(resolve, 20) })
    expect(new Uint8Array(await readFile(join(cwd, 'payload.car'))), 'the file stays').toEqual(car)

    // a deal is active when its piece is sealed; its shard may still be on its way
    while (!(await dagstore(cwd, ['list-shards', '--json'])).stdout.includes('"ShardStateAvailable"')) await new Promise((resolve) => { setTimeout(resolve, 20) })
    let unregistered: { readonly ProposalCid: string, readonly Failure: { readonly Code: string } }[] = []
    while (unregistered.length === 0) unregistered = JSON.parse((await dagstore(cwd, ['list-shards', '--unregistered', '--json'])).stdout) as typeof unregistered
    expect(unregistered.map(({ ProposalCid }) => ProposalCid)).toEqual([second])
    expect((await dagstore(cwd, ['list-shards', '--unregistered'])).stdout).toMatch(/^Key +DealID +ProposalCid +NextRetry +Error\nbaga\S+ +0 +\S+ +\S.* +[A-Z]+_[A-Z_]+: .*\n$/)
    if (daemon !== undefined) {
      expect(JSON.parse((await dagstore(cwd, ['storage-deals', 'list', '--json'])).stdout)).toEqual((await call(daemon, 'MarketListIncompleteDeals')).result)
      expect(unregistered).toEqual((await call(daemon, 'DagstoreListUnregistered')).result.Deals)
    }
  })

  it.each([{ way: 'on the store itself', remote: false }, { way: 'against a daemon', remote: true }])('say the number of their deal with the piece, $way', async ({ remote }) => {
    const { cwd, proposals: [first = '', second = ''], pieces: [piece = '', other = ''] } = await twoDeals(4711n)
    if (remote) await startDaemon(bin, [], { cwd })
    await dagstore(cwd, ['storage-deals', 'import-data', first, 'payload.car'])
    await dagstore(cwd, ['storage-deals', 'import-data', second, 'noise.bin'])
    while (((await dagstore(cwd, ['storage-deals', 'list'])).stdout.match(/StorageDealActive/g) ?? []).length < 2) await new Promise((resolve) => { setTimeout(resolve, 20) })
    for (const [cid, number] of [[piece, 4711], [other, 0]] as const) {
      const info = await dagstore(cwd, ['pieces', 'piece-info', '--json', cid])
      expect(info.code, info.stderr).toBe(0)
      expect((JSON.parse(info.stdout) as { readonly Deals: readonly object[] }).Deals).toEqual([expect.objectContaining({ DealID: number })])
    }
  })

  it.each([{ way: 'on the store itself', remote: false }, { way: 'against a daemon', remote: true }])('take a deal that was agreed on elsewhere from its file to an active shard $way', async ({ remote }) => {
    const { cwd, pieces: [piece = ''] } = await twoDeals()
    const daemon = remote ? await startDaemon(bin, [], { cwd }) : undefined
    const cid = proposalCid('elsewhere').toString()
    const deal = {
      ProposalCid: { '/': cid }, DealID: 0, Ref: { TransferType: 'graphsync', Root: { '/': CID.decode(blocks[0]!.cid).toString() } }, State: 18,
      Proposal: {
        PieceCID: { '/': piece }, PieceSize: 2048, VerifiedDeal: true, Client: 't01001', Provider: 't01000', Label: 'x', StartEpoch: 100, EndEpoch: 2100,
        StoragePricePerEpoch: '0', ProviderCollateral: '0', ClientCollateral: '0',
      },
    }
    const accept = async (text: string, ...args: readonly string[]): Promise<Awaited<ReturnType<typeof dagstore>>> => {
      await writeFile(join(cwd, 'deal.json'), text)
      return dagstore(cwd, ['storage-deals', 'accept', ...args, 'deal.json'])
    }
    for (const [text, code] of [
      ['{', 'COMMAND_REFUSED'], ['[]', 'COMMAND_REFUSED'], [JSON.stringify({ Proposal: deal.Proposal }), 'COMMAND_REFUSED'], ['x'.repeat((1 << 20) + 1), 'COMMAND_REFUSED'],
      [JSON.stringify({ ...deal, Proposal: { ...deal.Proposal, PieceSize: 2000 } }), 'DEAL_BAD_PROPOSAL'],
    ] as const) {
      const refused = await accept(text)
      expect(refused, text.slice(0, 100)).toMatchObject({ code: 1, stdout: '' })
      expect(refused.stderr).toMatch(new RegExp(`^dagstore: deal\\.json: .*\\(${code}\\)\\n$`))
    }
    // a number of the chain keeps all its digits
    const text = JSON.stringify(deal).replace('"DealID":0', '"DealID":18446744073709551613')
    expect(await accept(text)).toMatchObject({ code: 0, stdout: `accepted ${cid}\n` })
    expect(await accept(text, '--json')).toMatchObject({ code: 0, stdout: 'null\n' })
    expect((await accept(JSON.stringify(deal))).stderr).toContain('(DEAL_EXISTS)')
    const list = async (): Promise<string> => (await dagstore(cwd, ['storage-deals', 'list', '-v'])).stdout.split('\n').find((line) => line.includes(cid)) ?? ''
    expect(await list()).toMatch(/18446744073709551613 +StorageDealWaitingForData/)
    expect(await dagstore(cwd, ['storage-deals', 'import-data', cid, 'payload.car'])).toMatchObject({ code: 0, stdout: 'imported payload.car\n' })
    while (remote && !(await list()).includes('StorageDealActive')) await new Promise((resolve) => { setTimeout(resolve, 20) })
    // without a daemon nobody goes on with it when the command has ended
    if (!remote) expect((await dagstore(cwd, ['list-shards', '--json'])).stdout).toContain('"ShardStateAvailable"')
    expect(await list()).toContain('StorageDealActive')
    while (!(await dagstore(cwd, ['list-shards', '--json'])).stdout.includes('"ShardStateAvailable"')) await new Promise((resolve) => { setTimeout(resolve, 20) })
    // what is listed is what is taken
    const listed = (JSON.parse((await dagstore(cwd, ['storage-deals', 'list', '--json'])).stdout.replaceAll('18446744073709551613', '"18446744073709551613"')) as { readonly ProposalCid: { readonly '/': string } }[]).find(({ ProposalCid }) => ProposalCid['/'] === cid)
    expect(await accept(JSON.stringify(listed))).toMatchObject({ code: 0 })
    if (daemon !== undefined) expect((await call(daemon, 'DagstoreAcceptDeal', [deal])).error?.data).toMatchObject({ code: 'DEAL_EXISTS' })
  })

  it('L16: gives the daemon the path of the file as the user sees it', async () => {
    const { cwd, proposals: [first = ''] } = await twoDeals()
    const elsewhere = await temporaryFolder()
    await startDaemon(bin, ['--root', join(cwd, '.dagstore')], { cwd: elsewhere, root: join(cwd, '.dagstore') })
    expect(await dagstore(cwd, ['storage-deals', 'import-data', first, './payload.car'])).toMatchObject({ code: 0, stdout: 'imported ./payload.car\n' })
  })
})
