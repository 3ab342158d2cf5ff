/** What the commands on retrievals and data ask a node, and print: with a node that answers as it is told. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { RETRIEVAL_DEAL_STATES } from '@dagstore/deal-protocol'
import type { LotusApi, QueryOffer, RetrievalEvent, RetrievalInfo } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import { client, piece, root, streamOf } from './fake-node.ts'

/** Beyond 2^53, as Lotus's are. */
const id = 1_629_158_400_000_000_001n

const offer: QueryOffer = {
  Err: '', Root: root, Piece: piece, Size: 1 << 20, MinPrice: '0', UnsealPrice: '0', PaymentInterval: 0, PaymentIntervalIncrease: 0, Miner: 'f01000',
  MinerPeer: { Address: 'f01000', ID: 'http://127.0.0.1:2350', PieceCID: piece },
}

describe('client find', () => {
  it('has the lines of Lotus', async () => {
    const { stdout, code } = await client({ ClientHasLocal: async () => true, ClientFindData: async () => [offer, { ...offer, Err: 'not known' }] }, ['find', root.toString()])
    expect({ stdout, code }).toEqual({ code: 0, stdout: 'LOCAL\nRETRIEVAL f01000@http://127.0.0.1:2350-0 FIL-1 MiB\nERR f01000@http://127.0.0.1:2350: not known\n' })
  })

  it('asks those that are named, and goes on after one that does not answer', async () => {
    const { stdout, calls } = await client({
      ClientHasLocal: async () => false,
      ClientMinerQueryOffer: async (miner) => {
        if (miner === 'http://b') throw new Error('nobody there')
        return offer
      },
    }, ['find', '--piece-cid', piece.toString(), '--provider', 'http://a', '--provider', 'http://b', root.toString()])
    expect(stdout.split('\n')[0]).toBe('RETRIEVAL f01000@http://127.0.0.1:2350-0 FIL-1 MiB')
    expect(stdout.split('\n')[1]).toMatch(/^ERR http:\/\/b: /)
    expect(calls.filter(([name]) => name === 'ClientMinerQueryOffer').map(([, miner, , of]) => [miner, String(of)])).toEqual([['http://a', piece.toString()], ['http://b', piece.toString()]])
  })

  it('refuses a piece that is none as wrong usage', async () => {
    expect(await client({}, ['find', '--piece-cid', root.toString(), root.toString()])).toMatchObject({ code: 2, calls: [] })
  })

  it('says that nobody is known', async () => {
    expect(await client({ ClientHasLocal: async () => false, ClientFindData: async () => [] }, ['find', root.toString()])).toMatchObject({ code: 0, stdout: '', stderr: 'not here, and no provider is known: --provider URL\n' })
  })
})

describe('a store that cannot tell whether data are here', () => {
  it('does not keep find from asking providers', async () => {
    const { code, stdout, stderr } = await client({ ClientHasLocal: async () => { throw new Error('node cannot be reached') }, ClientFindData: async () => [offer] }, ['find', root.toString()])
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'RETRIEVAL f01000@http://127.0.0.1:2350-0 FIL-1 MiB\n' })
    expect(stderr).toContain('it is not known whether the data are here: node cannot be reached')
  })
})

describe('client retrieve', () => {
  const event: RetrievalEvent = { Event: 0, Status: RETRIEVAL_DEAL_STATES.DealStatusCompleted, BytesReceived: 1 << 20, FundsSpent: '0', Err: '', DealID: 7n, From: 'http://127.0.0.1:2350', TotalBytes: 1 << 20 }
  const api = (more: Partial<LotusApi> = {}): Partial<LotusApi> => ({
    ClientHasLocal: async () => false,
    ClientFindData: async () => [{ ...offer, MinPrice: '5', MinerPeer: { ...offer.MinerPeer, ID: 'http://dear' } }, offer],
    ClientListRetrievals: async () => [],
    ClientRetrieveWithEvents: () => streamOf<RetrievalEvent>({ ...event, Status: RETRIEVAL_DEAL_STATES.DealStatusOngoing, BytesReceived: 5 }, event),
    ClientExportWithEvents: () => streamOf({ DoneBytes: 1, TotalBytes: 1, Done: true }),
    ...more,
  })

  it('asks providers where it cannot be told whether the data are here, and says so', async () => {
    const { code, stderr, calls } = await client(api({ ClientHasLocal: async () => { throw new Error('node cannot be reached') } }), ['retrieve', root.toString(), 'out.iso'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^it is not known whether the data are here: node cannot be reached.*\n1 MiB from http:\/\/127\.0\.0\.1:2350, into out\.iso\n$/s) })
    expect(calls.filter(([name]) => name === 'ClientRetrieveWithEvents')).toHaveLength(1)
  })

  it('L16: reports success as success, says from where, and resolves the output here', async () => {
    const { code, stdout, stderr, calls, cwd } = await client(api(), ['retrieve', root.toString(), 'out.iso'])
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'Success\n', stderr: '1 MiB from http://127.0.0.1:2350, into out.iso\n' })
    expect(calls.find(([name]) => name === 'ClientRetrieveWithEvents')?.[1]).toMatchObject({ LocalFirst: true, Providers: ['http://127.0.0.1:2350'], Total: '0' })
    expect(calls.at(-1)?.slice(1)).toMatchObject([{ DAGs: [], DealID: 7n }, { Path: join(cwd, 'out.iso'), IsCAR: false }, { Force: false }])
  })

  it('L16: takes data that an import has, copies them once, and asks nobody', async () => {
    const { stdout, stderr, calls } = await client(api({ ClientHasLocal: async () => true }), ['retrieve', root.toString(), 'out.iso'])
    expect({ stdout, stderr }).toEqual({ stdout: 'Success\n', stderr: '1 B from an import, into out.iso\n' })
    expect(calls.map(([name]) => name)).toEqual(['ClientHasLocal', 'ClientExportWithEvents'])
    expect(calls.at(-1)?.[1]).toMatchObject({ DealID: 0n })
    const elsewhere = await client(api({ ClientHasLocal: async () => true }), ['retrieve', '--no-local', root.toString(), 'out.iso'])
    expect(elsewhere.stderr).toBe('1 MiB from http://127.0.0.1:2350, into out.iso\n')
    expect(elsewhere.calls.find(([name]) => name === 'ClientRetrieveWithEvents')?.[1]).toMatchObject({ LocalFirst: false })
  })

  it('takes data that an earlier retrieval has, unless they are to come from elsewhere', async () => {
    const whole = { PayloadCID: root, PieceCID: null, PricePerByte: '0', UnsealPrice: '0', Status: RETRIEVAL_DEAL_STATES.DealStatusCompleted, Message: '', Provider: '', BytesReceived: 5, BytesPaidFor: 0, TotalPaid: '0', TransferChannelID: null, DataTransfer: null }
    const had = api({ ClientListRetrievals: async () => [{ ...whole, ID: 1n, FileName: '1.car' }, { ...whole, ID: 2n, FileName: '2.car' }, { ...whole, ID: 3n }, { ...whole, ID: 4n, FileName: '4.car', DataSelector: 'a' }] })
    const { stderr, calls } = await client(had, ['retrieve', root.toString(), 'out'])
    expect(stderr).toBe('5 B from retrieval 2, into out\n')
    expect(calls.at(-1)?.[1]).toMatchObject({ DealID: 2n })
    for (const more of [['--no-local'], ['--piece-cid', piece.toString()], ['--into', 'ipfs']]) expect((await client(had, ['retrieve', ...more, root.toString(), 'out'])).calls.map(([name]) => name)).toContain('ClientRetrieveWithEvents')
  })

  it('leaves it to the order which earlier one goes on: it names none, and where the blocks go only if that was said', async () => {
    const earlier: RetrievalInfo = { PayloadCID: root, ID: 2n, PieceCID: null, PricePerByte: '0', UnsealPrice: '0', Status: RETRIEVAL_DEAL_STATES.DealStatusOngoing, Message: '', Provider: '', BytesReceived: 5, BytesPaidFor: 0, TotalPaid: '0', TransferChannelID: null, DataTransfer: null, Into: 'ipfs' }
    const order = async (...args: readonly string[]): Promise<unknown> => (await client(api({ ClientListRetrievals: async () => [earlier] }), ['retrieve', ...args, 'out'])).calls.find(([name]) => name === 'ClientRetrieveWithEvents')?.[1]
    const plain = await order(root.toString())
    expect(plain).not.toHaveProperty('ID')
    expect(plain).not.toHaveProperty('Into')
    expect(await order('--into', 'file', '--piece-cid', piece.toString(), `${root.toString()}/a`)).toMatchObject({ Into: 'file', Piece: piece, DataSelector: 'a' })
  })

  it('agrees to no price that was not named', async () => {
    const dear = api({ ClientFindData: async () => [{ ...offer, MinPrice: '3000000000000000' }] })
    const { code, stderr } = await client(dear, ['retrieve', root.toString(), 'out'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'dagstore: f01000@http://127.0.0.1:2350 asks for 0.003 FIL; to agree to that: --max-price 0.003\n' })
    const { calls } = await client(dear, ['retrieve', '--max-price', '0.003', root.toString(), 'out'])
    expect(calls.find(([name]) => name === 'ClientRetrieveWithEvents')?.[1]).toMatchObject({ Total: '3000000000000000' })
  })

  it('fails with the words of the retrieval, and writes nothing', async () => {
    const { code, stdout, stderr, calls } = await client(api({ ClientRetrieveWithEvents: () => streamOf({ ...event, Status: RETRIEVAL_DEAL_STATES.DealStatusErrored, Err: 'a block does not match its hash' }) }), ['retrieve', root.toString(), 'out'])
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: 'dagstore: a block does not match its hash; retrieval 7\n' })
    expect(calls.map(([name]) => name)).not.toContain('ClientExportWithEvents')
  })

  it('prints a file where the output is -', async () => {
    const bytes = Uint8Array.of(1, 2, 3, 0, 255)
    const done = await client(api({ ClientReadDag: () => streamOf(bytes.subarray(0, 2), bytes.subarray(2)) }), ['retrieve', `${root.toString()}/a/b`, '-'])
    expect(done.code).toBe(0)
    expect([...done.bytes]).toEqual([...bytes])
    expect(done.calls.at(-1)?.[1]).toMatchObject({ Path: 'a/b', DealID: 7n })
  })

  it('writes a CAR of a part, by a path or a selector of Lotus', async () => {
    const { calls } = await client(api(), ['retrieve', '--car', '--car-version', '2', '--data-selector', '{"a":1}', root.toString(), 'out.car'])
    expect(calls.at(-1)?.slice(1)).toMatchObject([{ DAGs: [{ DataSelector: '{"a":1}' }] }, { IsCAR: true }, { CARVersion: 2 }])
  })

  it('is told as JSON', async () => {
    const { stdout, cwd } = await client(api(), ['retrieve', '--json', root.toString(), 'out'])
    expect(JSON.parse(stdout)).toEqual({ id: '7', root: root.toString(), selector: null, from: 'http://127.0.0.1:2350', bytes: 1 << 20, path: join(cwd, 'out') })
  })

  it.each([
    { why: 'a CAR on stdout', args: ['--car', root.toString(), '-'] },
    { why: 'a path and a selector', args: ['--data-selector', 'a', `${root.toString()}/b`, 'out'] },
    { why: 'no CID', args: ['x', 'out'] },
    { why: 'JSON beside bytes', args: ['--json', root.toString(), '-'] },
    { why: 'a CAR that goes nowhere', args: ['--car', root.toString()] },
    { why: 'a version of no CAR', args: ['--car-version', '2', root.toString(), 'out'] },
    { why: 'a piece that is none', args: ['--piece-cid', root.toString(), root.toString(), 'out'] },
  ])('refuses $why as wrong usage', async ({ args }) => {
    expect(await client(api(), ['retrieve', ...args])).toMatchObject({ code: 2, calls: [] })
  })

  it('says so where the CID itself holds the data, and nobody was asked', async () => {
    const own = api({ ClientRetrieveWithEvents: () => streamOf<RetrievalEvent>({ Event: 25, Status: RETRIEVAL_DEAL_STATES.DealStatusCompleted, BytesReceived: 0, FundsSpent: '0', Err: '', DealID: 7n }) })
    expect(await client(own, ['retrieve', root.toString(), 'out'])).toMatchObject({ code: 0, stderr: '1 B from the CID itself, into out\n' })
  })
})

describe('client export, ls, cat and stat', () => {
  it('export writes what is here, and makes nothing half', async () => {
    const done = await client({ ClientExportWithEvents: () => streamOf({ DoneBytes: 5, TotalBytes: 10, Done: false }) }, ['export', `${root.toString()}/a`, 'out'])
    expect(done).toMatchObject({ code: 1, stdout: '', stderr: 'dagstore: out: the export ended before it was done (COMMAND_REFUSED)\n' })
    expect(done.calls.at(-1)?.slice(1)).toMatchObject([{ DAGs: [{ DataSelector: 'a' }], DealID: 0n }, { Path: join(done.cwd, 'out'), IsCAR: false }, {}])
    expect(await readdir(done.cwd)).toEqual([])
  })

  const entries = [
    { Name: '', Cid: root, Type: 'directory' as const, Size: null },
    { Name: 'a', Cid: root, Type: 'file' as const, Size: 12 },
    { Name: 'b\u0007', Cid: root, Type: 'directory' as const, Size: null },
    { Name: 'c', Cid: root, Type: 'link' as const, Size: null, Target: 'a' },
  ]

  it('ls lists the entries of a directory, and a file itself', async () => {
    const { stdout } = await client({ ClientListDag: () => streamOf(...entries) }, ['ls', root.toString()])
    expect(stdout).toBe(`${root.toString()} 12 a\n${root.toString()} - b\\x07/\n${root.toString()} - c -> a\n`)
    expect((await client({ ClientListDag: () => streamOf({ ...entries[1]!, Name: '' }) }, ['ls', `${root.toString()}/x/a`])).stdout).toBe(`${root.toString()} 12 a\n`)
    expect((await client({ ClientListDag: () => streamOf(...entries) }, ['ls', '--json', root.toString()])).stdout.trimEnd().split('\n').map((line) => (JSON.parse(line) as { Name: string }).Name)).toEqual(['', 'a', 'b\u0007', 'c'])
  })

  it.each([
    { bytes: '0:3', want: [0, 4] },
    { bytes: '5:*', want: [5, undefined] },
    { bytes: '-4:*', want: [8, undefined] },
    { bytes: '-4:-3', want: [8, 10] },
    { bytes: '-100:2', want: [0, 3] },
  ])('cat asks for bytes $bytes of a file of 12', async ({ bytes, want }) => {
    const { calls } = await client({ ClientListDag: () => streamOf({ ...entries[1]!, Name: '' }), ClientReadDag: () => streamOf(Uint8Array.of(1)) }, ['cat', `--bytes=${bytes}`, root.toString()])
    expect(calls.at(-1)?.slice(2)).toEqual(want[1] === undefined ? [want[0], undefined] : want)
  })

  it('stat says how large a deal would be', async () => {
    expect((await client({ ClientDealSize: async () => ({ PayloadSize: 1000, PieceSize: 1024 }) }, ['stat', root.toString()])).stdout).toBe('Piece Size  : 1024\nPayload Size: 1000\n')
    expect((await client({ ClientDealPieceCID: async () => ({ PayloadSize: 1000, PieceSize: 1024, PieceCID: piece }) }, ['stat', '--piece-cid', root.toString()])).stdout).toBe(`Piece Size  : 1024\nPayload Size: 1000\nPiece CID   : ${piece.toString()}\n`)
  })
})

describe('client retrievals', () => {
  const one: RetrievalInfo = { ID: id, PayloadCID: root, PieceCID: null, PricePerByte: '0', UnsealPrice: '0', Status: RETRIEVAL_DEAL_STATES.DealStatusCompleted, Message: '', Provider: 'http://p', BytesReceived: 1024, BytesPaidFor: 0, TotalPaid: '0', TransferChannelID: null, DataTransfer: null }

  it('are listed by id', async () => {
    const { stdout } = await client({ ClientListRetrievals: async () => [one, { ...one, ID: 5n, Status: RETRIEVAL_DEAL_STATES.DealStatusErrored, Message: 'lost' }] }, ['list-retrievals'])
    expect(stdout.split('\n')).toEqual([
      'PayloadCID   DealId               Provider  Status               Received  TotalPaid  Message',
      `...${root.toString().slice(-8)}  5                    http://p  DealStatusErrored    1 KiB     0 FIL      lost`,
      `...${root.toString().slice(-8)}  ${id}  http://p  DealStatusCompleted  1 KiB     0 FIL`,
      '',
    ])
  })

  it('are cancelled by argument, or as Lotus has it', async () => {
    const { calls, stdout } = await client({ ClientCancelRetrievalDeal: async () => {} }, ['cancel-retrieval', '--deal-id', '5', '6'])
    expect(calls.map(([, key]) => key)).toEqual([6n, 5n])
    expect(stdout).toBe('cancelled 6\ncancelled 5\n')
    expect((await client({}, ['cancel-retrieval'])).code).toBe(2)
  })

  it('are pruned by age and by size', async () => {
    const { calls, stdout, stderr } = await client({ ClientPruneRetrievals: async () => ({ Removed: [5n], RemovedBytes: 1024 }) }, ['prune-retrievals', '--older-than', '30d', '--max-size', '5GiB'])
    expect(calls.at(-1)).toEqual(['ClientPruneRetrievals', { OlderThanMs: 30 * 86_400_000, MaxBytes: 5 * 2 ** 30 }])
    expect([stdout, stderr]).toEqual(['removed 5\n', '1 retrieval, 1 KiB\n'])
    for (const wrong of [[], ['--older-than', '30'], ['--max-size', '1 yard']]) expect((await client({}, ['prune-retrievals', ...wrong])).code).toBe(2)
  })
})
