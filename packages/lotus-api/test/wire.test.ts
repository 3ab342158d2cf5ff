import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createRpcServer } from '@dagstore/json-rpc'
import { createLotusClient, type LotusApi, METHOD_NAMES, METHODS, methodsOf, openRpcDocument } from '../src/index.ts'
import { connect } from './world.ts'
import { valueOf } from './values.ts'

const cid = CID.parse('bafkqaaa')
const { methods: documented, components: { schemas } } = openRpcDocument()

describe('a client and a server of the methods', () => {
  it.each(METHOD_NAMES.map((name, at) => [name, at] as const))('give on what the other said: %s', async (name, at) => {
    const method = documented[at]
    if (method === undefined) throw new Error('not documented')
    const given = fc.tuple(...method.params.map(({ schema }) => valueOf(schema, schemas)))
    const answered = fc.array(valueOf(method['x-stream']?.schema ?? method.result.schema, schemas), { minLength: 1, maxLength: 3 })
    await fc.assert(fc.asyncProperty(given, answered, async (params, results) => {
      let seen: readonly unknown[] = []
      const { stream } = METHODS[name]
      const implementation = { [name]: (...all: readonly unknown[]) => {
        seen = all
        return stream ? (async function * () { yield * results })() : Promise.resolve(results[0])
      } } as Partial<LotusApi>
      const client = connect(implementation) as unknown as Readonly<Record<string, (...params: readonly unknown[]) => unknown>>
      const result = client[name]?.(...params)
      if (stream) {
        const values: unknown[] = []
        for await (const value of result as AsyncIterable<unknown>) values.push(value)
        expect(values).toEqual(results)
      } else {
        expect(await result ?? null).toEqual(results[0] ?? null)
      }
      expect(seen.slice(0, params.length)).toEqual(params)
      expect(seen[params.length]).toMatchObject({ permissions: ['read', 'write', 'sign', 'admin'] })
    }), { numRuns: 25 })
  })

  it('write CIDs and ids as Lotus does, ids of ours as text, and read both', async () => {
    const lines: string[] = []
    const api: Partial<LotusApi> = {
      PiecesGetPieceInfo: async (PieceCID) => ({ PieceCID, Deals: [{ DealID: 2n ** 64n - 1n, SectorID: 5n, Offset: 0, Length: 128 }] }),
      DagstoreListUnregistered: async () => ({ Deals: [{ Key: 'k', ProposalCid: 'p', DealID: 2n ** 60n, Failure: { Code: 'C', Message: 'm', At: '', Retry: 'never', Attempts: 1, NextRetryAt: null } }], Next: null }),
    }
    const client = connect(api, { sent: (text) => { lines.push(text) } })
    expect((await client.PiecesGetPieceInfo(cid)).Deals[0]?.DealID).toBe(2n ** 64n - 1n)
    expect((await client.DagstoreListUnregistered()).Deals[0]?.DealID).toBe(2n ** 60n)
    expect(lines).toEqual([
      '{"jsonrpc":"2.0","id":1,"method":"Filecoin.PiecesGetPieceInfo","params":[{"/":"bafkqaaa"}]}',
      '{"jsonrpc":"2.0","id":1,"result":{"PieceCID":{"/":"bafkqaaa"},"Deals":[{"DealID":18446744073709551615,"SectorID":5,"Offset":0,"Length":128}]}}',
      '{"jsonrpc":"2.0","id":1,"method":"Filecoin.DagstoreListUnregistered","params":[]}',
      '{"jsonrpc":"2.0","id":1,"result":{"Deals":[{"Key":"k","ProposalCid":"p","DealID":"1152921504606846976","Failure":{"Code":"C","Message":"m","At":"","Retry":"never","Attempts":1,"NextRetryAt":null}}],"Next":null}}',
    ])
  })

  it('read what Go writes: null for empty lists, members that are left out, and those of later versions', async () => {
    const answering = (result: unknown): LotusApi => createLotusClient({ call: async () => result, stream: async function * () { yield result } })
    expect(await answering(null).DagstoreListShards()).toEqual([])
    expect(await answering(undefined).Shutdown()).toBeUndefined()
    expect(await answering({ PieceCID: { '/': 'bafkqaaa' }, Deals: null, Later: 1 }).PiecesGetPieceInfo(cid)).toEqual({ PieceCID: cid, Deals: [] })
    expect(await answering({ Version: '1.11.2', APIVersion: 66816 }).Version()).toEqual({ Version: '1.11.2', APIVersion: 66816, BlockDelay: 0 })
    expect(await answering('bmV3').AuthNew(['read'])).toEqual(new TextEncoder().encode('new'))
    expect(await answering(null).DagstoreShardInfo('k')).toBeNull()
  })

  it('take a measure that has more digits than an integer may', async () => {
    const stats = { Shards: 1, States: {}, Unindexed: 0, Leases: 0, Waiting: 0, Counters: [{ Name: 'source.read.bytes', Labels: {}, Value: 2 ** 60 }] }
    expect(await connect({ DagstoreStats: async () => stats }).DagstoreStats()).toEqual(stats)
  })

  it('pass on events of later versions, and those that have more than they know', async () => {
    const later = [
      { Type: 'unsealed', Key: 'k', Since: { Hours: 3 } },
      { Type: 'progress', Key: 'k', Step: 'unseal', DoneBytes: 1, TotalBytes: null },
      { Type: 'notice', Key: null, Kind: 'waiting', Error: '' },
      { Type: 'dropped', Count: 1 },
    ]
    const client = createLotusClient({ call: async () => null, stream: async function * () { yield * later } })
    const events: unknown[] = []
    for await (const event of client.DagstoreEvents()) events.push(event)
    expect(events).toEqual(later)
    // through a server that knows no more
    const passed: unknown[] = []
    for await (const event of connect({ DagstoreEvents: () => client.DagstoreEvents() }).DagstoreEvents()) passed.push(event)
    expect(passed).toEqual(later)
  })

  it.each([
    ['no type', { Key: 'k' }], ['a type that is no text', { Type: 5 }], ['no object', 'health'], ['a known type without what it has', { Type: 'dropped', Count: 'many' }],
  ])('refuse an event with %s', async (_name, event) => {
    const client = createLotusClient({ call: async () => null, stream: async function * () { yield event } })
    await expect(client.DagstoreEvents()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'RPC_BAD_ANSWER' })
  })

  it.each([
    ['a text for a list', 'x', 'DagstoreListShards'],
    ['a list of texts for one of objects', ['x'], 'DagstoreListShards'],
    ['a state that is none', [{ Key: 'k', State: 'Fine', Error: '' }], 'DagstoreListShards'],
    ['a CID that is none', [{ '/': 'x' }], 'PiecesListPieces'],
    ['a CID that is too long', [{ '/': `b${'a'.repeat(2000)}` }], 'PiecesListPieces'],
    ['an id below 0', { PieceCID: { '/': 'bafkqaaa' }, Deals: [{ DealID: -1 }] }, 'PiecesGetPieceInfo'],
    ['an id above 64 bits', { PieceCID: { '/': 'bafkqaaa' }, Deals: [{ DealID: 2n ** 64n }] }, 'PiecesGetPieceInfo'],
    ['a length that no number holds', { PieceCID: { '/': 'bafkqaaa' }, Deals: [{ Length: 2n ** 60n }] }, 'PiecesGetPieceInfo'],
    ['no base64', '%', 'AuthNew'],
    ['nothing where there must be something', undefined, 'Discover'],
  ] as const)('refuse an answer with %s', async (_name, result, method) => {
    const client = createLotusClient({ call: async () => result, stream: async function * () { yield result } })
    await expect((client[method] as (...params: unknown[]) => Promise<unknown>)(method === 'AuthNew' ? [] : cid)).rejects.toMatchObject({ code: 'RPC_BAD_ANSWER' })
  })

  it('send no parameters that were left out, so that a server which knows fewer understands', async () => {
    const calls: unknown[] = []
    const client = createLotusClient({ call: async (...all) => { calls.push(all); return null }, stream: async function * (...all) { calls.push(all); yield * [] } })
    await client.DagstoreDestroyShard('k')
    await client.DagstoreDestroyShard('k', true)
    const { signal } = new AbortController()
    await client.DagstoreDestroyShard('k', undefined, { signal })
    for await (const _event of client.DagstoreRecoverAll(undefined, 'MOUNT_MISSING')) { /* none */ }
    expect(calls).toEqual([
      ['Filecoin.DagstoreDestroyShard', ['k'], {}],
      ['Filecoin.DagstoreDestroyShard', ['k', true], {}],
      ['Filecoin.DagstoreDestroyShard', ['k'], { signal }],
      ['Filecoin.DagstoreRecoverAll', [null, 'MOUNT_MISSING'], {}],
    ])
  })
})

describe('methodsOf', () => {
  const api: Partial<LotusApi> = {
    DagstoreQueryShards: async () => ({ Shards: [], Next: null }),
    DagstoreInitializeAll: async function * (params) { yield { Key: JSON.stringify(params), Event: 'end', Success: true, Error: '', Total: 1, Current: 1 } },
  }
  const client = connect(api)

  it('says which permission is missing, as Lotus does', async () => {
    const refused = expect.objectContaining({ number: 1, message: "missing permission to invoke 'DagstoreQueryShards' (need 'read')", data: { code: 'RPC_FORBIDDEN' } })
    await expect(connect(api, { permissions: ['write', 'sign', 'admin'] }).DagstoreQueryShards()).rejects.toEqual(refused)
    await expect(connect(api, { permissions: ['read'] }).DagstoreInitializeAll({ MaxConcurrency: 0, IncludeSealed: false })[Symbol.asyncIterator]().next())
      .rejects.toMatchObject({ number: 1, message: "missing permission to invoke 'DagstoreInitializeAll' (need 'write')" })
  })

  it('takes parameters as Go does: what is missing is zero', async () => {
    for await (const { Key } of client.DagstoreInitializeAll({} as never)) expect(Key).toBe('{"MaxConcurrency":0,"IncludeSealed":false}')
  })

  it.each([
    ['a number', 5], ['a list', []], ['members that it does not know', { Lmit: 3 }], ['a text for a number', { Limit: '3' }], ['a fraction', { Limit: 1.5 }], ['a state that is none', { State: 'New' }],
  ])('refuses parameters of ours with %s', async (_name, query) => {
    const { body } = await createRpcServer({ methods: methodsOf(api) }).answer(JSON.stringify({ id: 1, method: 'Filecoin.DagstoreQueryShards', params: [query] }), { context: { permissions: ['read'] } })
    expect(JSON.parse(body ?? '')).toMatchObject({ error: { code: -32602 } })
  })

  it('is not even asked where the client sees a slip of the pen', async () => {
    await expect(client.DagstoreQueryShards({ Lmit: 3 } as never)).rejects.toThrow(TypeError)
  })

  it('calls a method as a member of what it belongs to', async () => {
    class Node { readonly #name = 'n'; async Session (): Promise<string> { return this.#name } }
    expect(await connect(new Node()).Session()).toBe('n')
  })

  it('ends a stream that is left', async () => {
    let left = false
    const endless: Partial<LotusApi> = { DagstoreExportShards: async function * () { try { for (;;) yield 'x' } finally { left = true } } }
    for await (const text of connect(endless).DagstoreExportShards()) {
      expect(text).toBe('x')
      break
    }
    expect(left).toBe(true)
  })
})
