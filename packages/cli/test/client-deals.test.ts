/** What the commands on deals ask a node, and print: with a node that answers as it is told. */
import { STORAGE_DEAL_STATES } from '@dagstore/deal-protocol'
import type { DealInfo, LotusApi, StorageAsk } from '@dagstore/lotus-api'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { InterruptedError } from '../src/terminal.ts'
import { client, piece, root, streamOf } from './fake-node.ts'

const gate = (): { readonly passed: Promise<void>, readonly open: () => void } => {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => { open = resolve })
  return { passed, open: () => { open() } }
}

const proposal = CID.parse('bafyreib5wnzmhoj5ri6rj6shrjnzlhjndm6v3ukzj2tpgjnmvqwaz6k7xi')

const deal: DealInfo = {
  ProposalCid: proposal, State: STORAGE_DEAL_STATES.StorageDealSealing, Message: '', DealStages: null, Provider: 'f01000', DataRef: { TransferType: 'http-push', Root: root, PieceCid: null, PieceSize: 0, RawBlockSize: 0 }, PieceCID: piece,
  Size: 1040384, PricePerEpoch: '0', Duration: 518400, DealID: 0n, CreationTime: '2026-11-23T05:30:41Z', Verified: false, TransferChannelID: null, DataTransfer: null,
  ProviderURL: 'http://127.0.0.1:2350', PayloadBytes: 1 << 20, SentBytes: 1 << 19,
}

const ask: StorageAsk = { Price: '0', VerifiedPrice: '0', MinPieceSize: 256, MaxPieceSize: 2 ** 35, Miner: 'f01000', Timestamp: 0, Expiry: 0, SeqNo: 0n }

describe('client deal', () => {
  const api = (more: Partial<LotusApi> = {}): Partial<LotusApi> => ({
    ClientQueryAsk: async () => ask,
    ClientStartDeal: async () => proposal,
    ClientWaitDeal: async () => ({ ...deal, SentBytes: 1 << 20 }),
    ...more,
  })
  const url = 'http://127.0.0.1:2350'

  it('prints the CID of the proposal, then waits until the provider has the data', async () => {
    const { code, stdout, stderr, calls } = await client(api(), ['deal', '--provider', url, root.toString()])
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${proposal.toString()}\n`, stderr: `StorageDealSealing: ${url} has 1 MiB\n` })
    expect(calls.map(([name]) => name)).toEqual(['ClientQueryAsk', 'ClientStartDeal', 'ClientWaitDeal'])
    expect(calls[1]?.[1]).toMatchObject({ Miner: url, Wallet: '', EpochPrice: '0', MinBlocksDuration: 518400, DealStartEpoch: 0, FastRetrieval: true, VerifiedDeal: false, Data: { TransferType: 'http-push' } })
    expect(calls[2]?.[2]).toBe('transferred')
  })

  it('says that the deal stays when interrupted, since the same command again would propose another', async () => {
    const ctrlC = new AbortController()
    const waiting: Partial<LotusApi> = api({ ClientWaitDeal: (_cid, _until, { signal } = {}) => new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => { reject(signal.reason as Error) })
      ctrlC.abort(new InterruptedError('interrupted'))
    }) })
    expect(await client(waiting, ['deal', '--provider', url, root.toString()], { signal: ctrlC.signal })).toMatchObject({
      code: 130, stdout: `${proposal.toString()}\n`, stderr: `dagstore: interrupted; the deal goes on by itself: dagstore client get-deal ${proposal.toString()}\n`,
    })
  })

  it('says once why a deal is held up, until when, and how to go on at once', async () => {
    const paused = (more: Partial<DealInfo> = {}): DealInfo => ({
      ...deal, Message: 'there is no room for the data now', NextRetryAt: '2999-01-02T03:04:05.000Z', TransferChannelID: { Initiator: '11', Responder: '11', ID: 2n ** 63n }, ...more,
    })
    const other = CID.parse('bafyreibtm7ttcnwdcy5zjvrvb2jvc4xzqb4p7pqjbijpxnmtd6ttvd3zju')
    const [begun, told] = [gate(), gate()]
    const { code, stderr } = await client(api({
      ClientGetDealUpdates: async function * () {
        await begun.passed
        yield paused({ ProposalCid: other, Message: 'of somebody else' })
        // it is over before anybody could do something
        yield paused({ Message: 'in a moment', NextRetryAt: '1999-01-02T03:04:05.000Z' })
        for (const NextRetryAt of ['2999-01-02T03:04:05.000Z', '2999-01-02T03:14:05.000Z']) yield paused({ NextRetryAt })
      },
      ClientWaitDeal: async () => {
        begun.open()
        await told.passed
        return deal
      },
    }), ['deal', '--provider', url, root.toString()], { onMessage: () => { told.open() } })
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `there is no room for the data now; tried again at 2999-01-02 03:04:05, at once with dagstore client restart-transfer 9223372036854775808\nStorageDealSealing: ${url} has 1 MiB\n`,
    })
    const waited = await client({ ClientGetDealInfo: async () => paused(), ClientWaitDeal: async () => deal }, ['get-deal', '--wait', 'transferred', proposal.toString()])
    expect(waited.stderr).toBe('there is no room for the data now; tried again at 2999-01-02 03:04:05, at once with dagstore client restart-transfer 9223372036854775808\n')
    const { stdout } = await client({ ClientGetDealInfo: async () => paused() }, ['get-deal', proposal.toString()])
    expect(stdout).toContain('Tried again: 2999-01-02 03:04:05; at once: dagstore client restart-transfer 9223372036854775808\n')
  })

  it('does not wait where a daemon goes on with it', async () => {
    const { calls, stderr } = await client(api(), ['deal', '--no-wait', '--provider', url, root.toString()])
    expect(calls.map(([name]) => name)).toEqual(['ClientQueryAsk', 'ClientStartDeal'])
    expect(stderr).toBe('')
  })

  it('takes the arguments of Lotus, and its options', async () => {
    const { calls, code } = await client(api(), ['deal', '--from', 'f1x', '--start-epoch', '99', '--verified-deal', '--no-fast-retrieval', '--provider-collateral', '0.5', '--provider', url, root.toString(), 'f01000', '0.0001', '600000'])
    expect(code).toBe(0)
    expect(calls[0]?.[1]).toMatchObject({
      Miner: 'f01000', ProviderURL: url, Wallet: 'f1x', EpochPrice: '100000000000000', MinBlocksDuration: 600000, ProviderCollateral: '500000000000000000', DealStartEpoch: 99, FastRetrieval: false, VerifiedDeal: true,
    })
  })

  it.each([
    { size: '1048576', unpadded: 1040384 },
    { size: '1040384', unpadded: 1040384 },
  ])('takes the size of a piece padded or not: $size', async ({ size, unpadded }) => {
    const { calls, code } = await client(api(), ['deal', '--provider', url, '--manual-piece-cid', piece.toString(), '--manual-piece-size', size, root.toString()])
    expect(code).toBe(0)
    expect(calls.find(([name]) => name === 'ClientStartDeal')?.[1]).toMatchObject({ Data: { TransferType: 'manual', PieceSize: unpadded } })
  })

  it('agrees to no price that was not named, and says what would be', async () => {
    const { code, stdout, stderr, calls } = await client(api({ ClientQueryAsk: async () => ({ ...ask, Price: '2048000000' }), ClientDealSize: async () => ({ PayloadSize: 1000, PieceSize: 1 << 20 }) }), ['deal', '--provider', url, root.toString()])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe('dagstore: the provider asks for 0.000000000002 FIL per epoch of this piece, 0.0000010368 FIL in all; to agree to that: --price 0.000000000002\n')
    expect(calls.map(([name]) => name)).not.toContain('ClientStartDeal')
  })

  it('fails with the deal, and has printed its CID', async () => {
    const { code, stdout, stderr } = await client(api({ ClientWaitDeal: async () => ({ ...deal, State: STORAGE_DEAL_STATES.StorageDealError, Message: 'deal rejected: too small' }) }), ['deal', '--provider', url, root.toString()])
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: `${proposal.toString()}\n`, stderr: 'dagstore: the deal has failed: deal rejected: too small\n' })
    const json = await client(api({ ClientWaitDeal: async () => ({ ...deal, State: STORAGE_DEAL_STATES.StorageDealError }) }), ['deal', '--json', '--provider', url, root.toString()])
    expect(json).toMatchObject({ code: 1, stdout: `{"/":"${proposal.toString()}"}\n` })
  })

  it('remembers nothing of a stateless deal, which is an offline one that costs nothing', async () => {
    const { stdout, calls } = await client({ ClientStatelessDeal: async () => proposal }, ['deal', '--manual-stateless-deal', '--transfer', 'manual', '--provider', url, root.toString()])
    expect(stdout).toBe(`${proposal.toString()}\n`)
    expect(calls.map(([name]) => name)).toEqual(['ClientStatelessDeal'])
    for (const more of [['--price', '1', '--transfer', 'manual'], []]) expect((await client({}, ['deal', '--manual-stateless-deal', '--provider', url, ...more, root.toString()])).code).toBe(2)
  })

  it.each([
    { why: 'no provider', args: [root.toString()] },
    { why: 'no CID', args: ['--provider', url, 'x'] },
    { why: 'two prices', args: ['--provider', url, '--price', '1', root.toString(), 'f01000', '1'] },
    { why: 'a price below nothing', args: ['--provider', url, '--price', '-1', root.toString()] },
    { why: 'a duration of no time', args: ['--provider', url, '--duration', '0', root.toString()] },
    { why: 'two addresses', args: ['--provider', 'f01000', root.toString(), 'f01001'] },
    { why: 'a piece without a size', args: ['--provider', url, '--manual-piece-cid', piece.toString(), root.toString()] },
    { why: 'a piece that is none', args: ['--provider', url, '--manual-piece-cid', root.toString(), '--manual-piece-size', '2048', root.toString()] },
    { why: 'a piece of no size there is', args: ['--provider', url, '--manual-piece-cid', piece.toString(), '--manual-piece-size', '1000', root.toString()] },
  ])('refuses $why as wrong usage', async ({ args }) => {
    expect(await client(api(), ['deal', ...args])).toMatchObject({ code: 2, stdout: '', calls: [] })
  })
})

describe('client list-deals and get-deal', () => {
  const failed: DealInfo = { ...deal, State: STORAGE_DEAL_STATES.StorageDealError, Message: 'why', CreationTime: '2026-11-23T05:30:40Z' }

  it('lists deals by age with the columns of Lotus, failed ones where they are asked for', async () => {
    const api: Partial<LotusApi> = { ClientListDeals: async () => [deal, failed] }
    const { stdout } = await client(api, ['list-deals'])
    expect(stdout).toBe([
      'DealCid      DealId  Provider  State               PieceCID     Size      Price  Duration  Sent              Message',
      `...${proposal.toString().slice(-8)}  0       f01000    StorageDealSealing  ...${piece.toString().slice(-8)}  1016 KiB  0 FIL  518400    512 KiB of 1 MiB`,
      '',
    ].join('\n'))
    const all = (await client(api, ['list-deals', '--show-failed', '-v'])).stdout.trimEnd().split('\n')
    expect(all).toHaveLength(3)
    expect(all[1]).toContain('why')
    expect(all[2]).toContain(proposal.toString())
  })

  it('says nothing of what was sent where the data go another way', async () => {
    const offline: DealInfo = { ...deal, DataRef: { ...deal.DataRef!, TransferType: 'manual' }, SentBytes: 0 }
    const api: Partial<LotusApi> = { ClientListDeals: async () => [offline], ClientGetDealInfo: async () => offline, ClientGetDealUpdates: () => streamOf(offline) }
    expect((await client(api, ['get-deal', proposal.toString()])).stdout).not.toContain('Sent')
    expect((await client(api, ['list-deals'])).stdout).not.toContain(' of 1 MiB')
    expect((await client(api, ['list-deals', '--watch'])).stdout.split('\n')[1]).toBe(`${proposal.toString()} StorageDealSealing`)
  })

  it('goes on with a line for each change with --watch', async () => {
    const { stdout, code } = await client({ ClientListDeals: async () => [deal], ClientGetDealUpdates: () => streamOf(failed) }, ['list-deals', '--watch'])
    expect({ stdout, code }).toEqual({ code: 0, stdout: `${proposal.toString()} StorageDealSealing 512 KiB of 1 MiB\n${proposal.toString()} StorageDealError 512 KiB of 1 MiB: why\n` })
  })

  it('goes on with a deal while it waits, and fails with it', async () => {
    const failing = { ...deal, State: STORAGE_DEAL_STATES.StorageDealError, Message: 'too late' }
    const { code, stdout, stderr, calls } = await client({ ClientGetDealInfo: async () => deal, ClientWaitDeal: async () => failing }, ['get-deal', '--wait', 'active', proposal.toString()])
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'dagstore: the deal has failed: too late\n' })
    expect(stdout).toContain('State:    StorageDealError\n')
    expect(calls.at(-1)?.slice(2)).toEqual(['active'])
  })

  it('says how a deal stands', async () => {
    const { stdout } = await client({ ClientGetDealInfo: async () => ({ ...deal, PricePerEpoch: '1000000000000', FastRetrieval: true }) }, ['get-deal', proposal.toString()])
    expect(stdout).toBe([
      `Proposal:       ${proposal.toString()}`,
      'State:          StorageDealSealing',
      'Provider:       f01000 at http://127.0.0.1:2350',
      `Root:           ${root.toString()}`,
      `Piece:          ${piece.toString()} (1016 KiB)`,
      'Transfer:       http-push',
      'Sent:           512 KiB of 1 MiB',
      'Price:          0.000001 FIL per epoch, 0.5184 FIL in all',
      'Duration:       518400 epochs (180 days)',
      'Fast retrieval: yes',
      'Created:        2026-11-23 05:30:41',
      '',
    ].join('\n'))
  })
})
