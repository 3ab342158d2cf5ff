/** What the commands on data transfers ask a node, and print: with a node that answers as it is told. */
import type { DataTransferChannel, LotusApi } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import { STATUS } from '../src/transfers/status.ts'
import { client, root, streamOf } from './fake-node.ts'

const channel: DataTransferChannel = {
  TransferID: 1_629_158_400_000_000_001n, Status: STATUS.Ongoing, BaseCID: root, IsInitiator: true, IsSender: true, Voucher: '{"Proposal":{"/":"bafyreib5wnzmhoj5ri6rj6shrjnzlhjndm6v3ukzj2tpgjnmvqwaz6k7xi"}}',
  Message: '', OtherPeer: 'http://127.0.0.1:2350', Transferred: 1 << 20, Stages: null,
}
const receiving: DataTransferChannel = { ...channel, TransferID: 3n, IsSender: false, IsInitiator: false, OtherPeer: 'peer\u0007', Voucher: 'x', Message: 'waits' }
const completed: DataTransferChannel = { ...channel, TransferID: 2n, Status: STATUS.Completed }
const failed: DataTransferChannel = { ...channel, TransferID: 4n, Status: STATUS.Failed, Message: 'cut' }

const api = (more: Partial<LotusApi> = {}): Partial<LotusApi> => ({ ClientListDataTransfers: async () => [channel, receiving, completed, failed], ...more })

describe('client list-transfers', () => {
  it('has the tables of Lotus: those that send, then those that receive', async () => {
    const { stdout, code } = await client(api(), ['list-transfers'])
    expect(code).toBe(0)
    expect(stdout).toBe([
      'Sending Channels',
      '',
      'ID                   Status   Sending To      Root Cid     Initiated?  Transferred  Voucher                 Message',
      `${channel.TransferID}  Ongoing  127.0.0.1:2350  ...${root.toString().slice(-8)}  Y           1 MiB        ...${channel.Voucher.slice(-19)}`,
      '',
      'Receiving Channels',
      '',
      'ID  Status   Receiving From  Root Cid     Initiated?  Transferred  Voucher  Message',
      `3   Ongoing  peer\\x07        ...${root.toString().slice(-8)}  N           1 MiB        x        waits`,
      '',
    ].join('\n'))
  })

  it('has those that are over where they are asked for, and whole names with -v', async () => {
    const ids = async (...more: readonly string[]): Promise<readonly string[]> =>
      [...JSON.parse((await client(api(), ['list-transfers', '--json', ...more])).stdout.replaceAll(/("TransferID":)(\d+)/g, '$1"$2"')) as { readonly TransferID: string }[]].map(({ TransferID }) => TransferID)
    expect(await ids()).toEqual(['3', String(channel.TransferID)])
    expect(await ids('--completed')).toEqual(['2', '3', String(channel.TransferID)])
    expect(await ids('--completed', '--show-failed')).toEqual(['2', '3', '4', String(channel.TransferID)])
    expect((await client(api(), ['list-transfers', '-v'])).stdout).toContain(`http://127.0.0.1:2350  ${root.toString()}  Y           1 MiB        ${channel.Voucher}`)
  })

  it('goes on with a line for each change with --watch, and misses none that comes while it lists', async () => {
    const { stdout } = await client(api({ ClientDataTransferUpdates: () => streamOf({ ...channel, Status: STATUS.Completed }) }), ['list-transfers', '--watch'])
    expect(stdout).toBe(`3 Ongoing 1 MiB from peer\\x07: waits\n${channel.TransferID} Ongoing 1 MiB to http://127.0.0.1:2350\n${channel.TransferID} Completed 1 MiB to http://127.0.0.1:2350\n`)
  })
})

describe('client restart-transfer and cancel-transfer', () => {
  const both = api({ ClientRestartDataTransfer: async () => {}, ClientCancelDataTransfer: async () => {} })

  it.each([
    { verb: 'restart', done: 'restarted', method: 'ClientRestartDataTransfer' },
    { verb: 'cancel', done: 'cancelled', method: 'ClientCancelDataTransfer' },
  ])('$verb finds who is on the other side', async ({ verb, done, method }) => {
    const { stdout, calls } = await client(both, [`${verb}-transfer`, String(channel.TransferID)])
    expect(stdout).toBe(`${done} ${channel.TransferID}\n`)
    expect(calls.at(-1)).toEqual([method, channel.TransferID, 'http://127.0.0.1:2350', true])
  })

  it('says that there is none, and asks which where there are two', async () => {
    expect(await client(both, ['cancel-transfer', '99'])).toMatchObject({ code: 1, stdout: '', stderr: 'dagstore: no such transfer: 99\n' })
    const twins = { ...both, ClientListDataTransfers: async () => [receiving, { ...receiving, OtherPeer: 'other', IsInitiator: true }] }
    const { code, stderr } = await client(twins, ['cancel-transfer', '3'])
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'dagstore: 2 transfers have the id 3; say whose: --peerid peer\\x07, other\n' })
    for (const which of [['--peerid', 'other'], ['--initiator']]) expect((await client(twins, ['cancel-transfer', ...which, '3'])).calls.at(-1)).toEqual(['ClientCancelDataTransfer', 3n, 'other', true])
    expect((await client(twins, ['cancel-transfer', '--no-initiator', '3'])).calls.at(-1)?.[2]).toBe('peer\u0007')
  })
})
