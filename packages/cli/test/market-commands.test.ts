/** `retrieval-deals` and `data-transfers`: what they ask a daemon, and print. */
import { RETRIEVAL_DEAL_STATES } from '@dagstore/deal-protocol'
import type { DataTransferChannel, LotusApi, ProviderDealState } from '@dagstore/lotus-api'
import { expect, it } from 'vitest'
import { STATUS } from '../src/transfers/status.ts'
import { fakeNode, piece, root, streamOf } from './fake-node.ts'
import { dagstore, type Run, temporaryFolder } from './terminal.ts'

const id = 1_629_158_400_000_000_001n

const served: ProviderDealState = {
  PayloadCID: root, ID: id, Selector: null, PieceCID: piece, PricePerByte: '2', PaymentInterval: 0, PaymentIntervalIncrease: 0, UnsealPrice: '0', StoreID: 0n, ChannelID: null, PieceInfo: null,
  Status: RETRIEVAL_DEAL_STATES.DealStatusOngoing, Receiver: '12D3Koo', TotalSent: 1 << 20, FundsReceived: '0', Message: '', CurrentInterval: 0, LegacyProtocol: false,
}

const channel: DataTransferChannel = {
  TransferID: id, Status: STATUS.Ongoing, BaseCID: root, IsInitiator: false, IsSender: false, Voucher: '{}', Message: '', OtherPeer: '12D3Koo', Transferred: 1 << 20, Stages: null,
}

const ask = async (api: Partial<LotusApi>, args: readonly string[]): Promise<Run & { readonly calls: readonly (readonly unknown[])[] }> => {
  const node = await fakeNode(api)
  return { ...await dagstore(await temporaryFolder(), args, { env: { ...node.env } }), calls: node.calls }
}

it('retrieval-deals list has the columns of Lotus, by id', async () => {
  const api: Partial<LotusApi> = { MarketListRetrievalDeals: async () => [served, { ...served, ID: 5n, Status: RETRIEVAL_DEAL_STATES.DealStatusErrored, Message: 'gone\u0007', Selector: { path: 'a' } }] }
  const short = `...${root.toString().slice(-8)}`
  expect((await ask(api, ['retrieval-deals', 'list'])).stdout).toBe([
    'Receiver  DealID               Payload      State              PricePerByte  BytesSent  Message',
    `12D3Koo   5                    ${short}  DealStatusErrored  2             1 MiB      gone\\x07`,
    `12D3Koo   ${id}  ${short}  DealStatusOngoing  2             1 MiB`,
    '',
  ].join('\n'))
  const verbose = (await ask(api, ['retrieval-deals', 'list', '-v'])).stdout
  for (const text of [root.toString(), piece.toString(), '{"path":"a"}']) expect(verbose).toContain(text)
  expect((await ask(api, ['retrieval-deals', 'list', '--json'])).stdout).toContain(`"ID":${id},`)
})

it('data-transfers are listed, watched, restarted and cancelled', async () => {
  const api: Partial<LotusApi> = {
    MarketListDataTransfers: async () => [channel],
    MarketDataTransferUpdates: () => streamOf({ ...channel, Status: STATUS.Completed }),
    MarketRestartDataTransfer: async () => {},
    MarketCancelDataTransfer: async () => {},
  }
  expect((await ask(api, ['data-transfers', 'list'])).stdout).toBe([
    'Sending Channels', '', '', 'Receiving Channels', '',
    'ID                   Status   Receiving From  Root Cid     Initiated?  Transferred  Voucher  Message',
    `${id}  Ongoing  12D3Koo         ...${root.toString().slice(-8)}  N           1 MiB        {}`,
    '',
  ].join('\n'))
  expect((await ask(api, ['data-transfers', 'list', '--watch'])).stdout.trimEnd().split('\n')).toHaveLength(2)
  for (const [verb, method] of [['restart', 'MarketRestartDataTransfer'], ['cancel', 'MarketCancelDataTransfer']] as const) {
    const { calls, code } = await ask(api, ['data-transfers', verb, String(id)])
    expect(code).toBe(0)
    expect(calls.at(-1)).toEqual([method, id, '12D3Koo', false])
  }
})

it('without a daemon the store is listed, and nothing in it goes on or is ended, which is said', async () => {
  const cwd = await temporaryFolder()
  await dagstore(cwd, ['add', '--glob', '*.none', '.'])
  expect(await dagstore(cwd, ['retrieval-deals', 'list'])).toMatchObject({ code: 0, stdout: '' })
  expect(await dagstore(cwd, ['retrieval-deals', 'list', '--json'])).toMatchObject({ code: 0, stdout: '[]\n' })
  expect(await dagstore(cwd, ['data-transfers', 'list'])).toMatchObject({ code: 0, stdout: 'Sending Channels\n\n\nReceiving Channels\n\n' })
  expect(await dagstore(cwd, ['data-transfers', 'cancel', '1'])).toMatchObject({ code: 1, stderr: 'dagstore: no such transfer: 1\n' })
  expect(await dagstore(cwd, ['data-transfers', 'list', '--watch'])).toMatchObject({ code: 1, stdout: '', stderr: 'dagstore: only a daemon goes on with transfers or ends them, and none has this store: dagstore daemon\n' })
})
