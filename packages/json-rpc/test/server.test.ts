import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRpcServer, parseJson, RpcError, type RpcMethods } from '../src/index.ts'

const methods: RpcMethods<string> = {
  'Filecoin.Version': { required: 0, handle: () => ({ Version: '1.0', APIVersion: 131840 }) },
  'Filecoin.Echo': { required: 1, most: 2, handle: (params) => params },
  'Filecoin.Who': { required: 0, handle: async (_params, { context }) => context },
  'Filecoin.Void': { required: 0, handle: () => undefined },
  'Filecoin.Fails': { required: 0, handle: async () => { throw Object.assign(new Error('no shard'), { code: 'DAGSTORE_SHARD_UNKNOWN' }) } },
  'Filecoin.Plain': { required: 0, handle: () => { throw new Error('dagstore not available on this node') } },
  'Filecoin.Param': { required: 1, handle: () => { throw new RpcError('RPC_BAD_PARAMS', 'not a CID') } },
  'Filecoin.Circle': { required: 0, handle: () => { const own: { own?: unknown } = {}; own.own = own; return own } },
  'Filecoin.Waits': { required: 0, handle: (_params, { signal }) => new Promise((_resolve, reject) => { signal.addEventListener('abort', () => { reject(signal.reason as Error) }) }) },
  'Filecoin.Stream': { required: 0, stream: true, handle: async function * () { yield 1 } },
}
const server = createRpcServer({ methods, limits: { maxMessageLength: 2000, maxBatch: 3 } })
const answer = async (message: unknown): Promise<{ status: number, body: unknown }> => {
  const { status, body } = await server.answer(typeof message === 'string' ? message : JSON.stringify(message), { context: 'me' })
  return { status, body: body === undefined ? undefined : parseJson(body) }
}
const ask = (method: string, params: unknown = [], id: unknown = 1): Promise<{ status: number, body: unknown }> => answer({ jsonrpc: '2.0', id, method, params })
const failed = (code: number, message: string, id: unknown = 1): object => ({ jsonrpc: '2.0', id, error: { code, message } })

describe('a batch', () => {
  it('begins no call behind answers that are too long together, and carries out notifications', async () => {
    let calls = 0
    const bounded = createRpcServer({ methods: { Big: { required: 0, handle: () => { calls++; return 'x'.repeat(1000) } } }, limits: { maxAnswersLength: 1500 } })
    const { status, body = '' } = await bounded.answer(JSON.stringify([1, 2, 3, undefined, 4].map((id) => ({ id, method: 'Big' }))), { context: 'me' })
    expect(status).toBe(200)
    expect(parseJson(body)).toMatchObject([{ id: 1, result: expect.any(String) }, { id: 2, result: expect.any(String) }, { id: 3, error: { code: -32005 } }, { id: 4, error: { code: -32005 } }])
    expect(calls).toBe(3)
  })
})

describe('a call over HTTP', () => {
  it('is answered, with the id as it came', async () => {
    expect(await ask('Filecoin.Version', [], 'x')).toEqual({ status: 200, body: { jsonrpc: '2.0', id: 'x', result: { Version: '1.0', APIVersion: 131840 } } })
    expect(await answer('{"id":1629383746123456789,"method":"Filecoin.Echo","params":[18446744073709551615]}')).toEqual({ status: 200, body: { jsonrpc: '2.0', id: 1629383746123456789n, result: [18446744073709551615n] } })
    expect(await ask('Filecoin.Who')).toMatchObject({ body: { result: 'me' } })
    expect(await answer({ id: 1, method: 'Filecoin.Version' })).toMatchObject({ status: 200 })
    expect(await ask('Filecoin.Version', null)).toMatchObject({ status: 200 })
  })
  it('has the result null where there is none, as the specification wants', async () => {
    expect(await ask('Filecoin.Void')).toEqual({ status: 200, body: { jsonrpc: '2.0', id: 1, result: null } })
  })
  it('tells what a method fails with, its code beside the message', async () => {
    expect(await ask('Filecoin.Plain')).toEqual({ status: 200, body: failed(1, 'dagstore not available on this node') })
    expect(await ask('Filecoin.Fails')).toEqual({ status: 200, body: { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'no shard', data: { code: 'DAGSTORE_SHARD_UNKNOWN' } } } })
    expect(await ask('Filecoin.Circle')).toMatchObject({ status: 200, body: { error: { code: 1 } } })
  })
  it.each([
    ['an unknown method', 500, 'Filecoin.Nope', [], failed(-32601, "method 'Filecoin.Nope' not found")],
    ['what every object has', 500, 'toString', [], failed(-32601, "method 'toString' not found")],
    ['a stream', 500, 'Filecoin.Stream', [], failed(-32601, "method 'Filecoin.Stream' not supported in this mode (no out channel support)")],
    ['too many parameters', 500, 'Filecoin.Version', [1], failed(-32602, "wrong param count (method 'Filecoin.Version'): 1 != 0")],
    ['too few of some', 500, 'Filecoin.Echo', [], failed(-32602, "wrong param count (method 'Filecoin.Echo'): 0 != 1 to 2")],
    ['a parameter that the method refuses', 500, 'Filecoin.Param', [1], failed(-32602, 'not a CID')],
    ['named parameters', 500, 'Filecoin.Echo', { a: 1 }, failed(-32700, 'unmarshaling param array: params is not an array')],
  ])('refuses %s', async (_what, status, method, params, body) => {
    expect(await ask(method, params)).toEqual({ status, body })
  })
  it.each([
    ['what is no JSON', '{', 500, -32700, 'Parse error'],
    ['nothing', '  \n', 400, -32600, 'Invalid request'],
    ['an empty batch', '[]', 400, -32600, 'Invalid request'],
    ['what is no object', '3', 500, -32700, 'Parse error'],
    ['an id that is an object', '{"id":{},"method":"x"}', 500, -32700, 'failed to parse ID: invalid id type: object'],
    ['what is too long', `"${'x'.repeat(2000)}"`, 500, -32700, 'request bigger than maximum 2000 allowed'],
    ['a batch that is too long', '[1,2,3,4]', 500, -32005, 'too many requests in a batch; most=3 got=4'],
  ])('refuses %s', async (_what, body, status, code, message) => {
    expect(await answer(body)).toEqual({ status, body: failed(code, message, null) })
  })
  it('answers a batch in order, and nothing to notifications', async () => {
    const { status, body } = await answer([{ id: 1, method: 'Filecoin.Void' }, { method: 'Filecoin.Fails' }, { id: 3, method: 'nope' }])
    expect(status).toBe(200)
    expect(body).toEqual([{ jsonrpc: '2.0', id: 1, result: null }, failed(-32601, "method 'nope' not found", 3)])
    expect(await answer({ method: 'Filecoin.Void' })).toEqual({ status: 200, body: undefined })
    expect(await answer([{ method: 'Filecoin.Void' }])).toEqual({ status: 200, body: undefined })
    expect(await answer({ id: null, method: 'Filecoin.Void' })).toEqual({ status: 200, body: undefined })
  })
  it('ends with its caller', async () => {
    const caller = new AbortController()
    const waiting = server.answer('{"id":1,"method":"Filecoin.Waits"}', { context: '', signal: caller.signal })
    caller.abort(new Error('gone'))
    expect(parseJson((await waiting).body ?? '')).toEqual(failed(1, 'gone'))
  })
  it('answers whatever comes', async () => {
    await fc.assert(fc.asyncProperty(fc.oneof(fc.string(), fc.json(), fc.record({ id: fc.anything(), method: fc.constantFrom(...Object.keys(methods).filter((name) => name !== 'Filecoin.Waits'), '__proto__', 'constructor'), params: fc.anything() }).map((message) => { try { return JSON.stringify(message) } catch { return '' } })), async (body) => {
      const answered = await server.answer(body, { context: '' })
      expect([200, 400, 500]).toContain(answered.status)
      if (answered.body !== undefined) parseJson(answered.body)
    }))
  })
})

describe('createRpcServer', () => {
  it.each([0, -1, 1.5, Number.NaN])('refuses a limit of %d', (maxBatch) => {
    expect(() => createRpcServer({ methods, limits: { maxBatch } })).toThrow(RangeError)
  })
})
