import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createRpcClient, createRpcServer, type RpcClient, type RpcClientOptions, type RpcMethods } from '../src/index.ts'
import { type Place, serve, withHeaders } from './sockets.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of open.splice(0).reverse()) await close() })

const started: string[] = []
const ended: string[] = []
const methods: RpcMethods<string> = {
  Who: { required: 0, handle: (_params, { context }) => context },
  Echo: { required: 1, handle: ([value]) => value },
  Void: { required: 0, handle: () => undefined },
  Fails: { required: 0, handle: () => { throw Object.assign(new Error('no shard'), { code: 'DAGSTORE_SHARD_UNKNOWN' }) } },
  Waits: { required: 0, handle: (_params, { signal }) => new Promise((_resolve, reject) => { started.push('Waits'); signal.addEventListener('abort', () => { ended.push('Waits'); reject(signal.reason as Error) }) }) },
  Count: { required: 1, stream: true, handle: async function * ([most]) { try { for (let i = 1; i <= Number(most); i++) { await turn(); yield i } } finally { ended.push('Count') } } },
  Breaks: { required: 0, stream: true, handle: async function * () { yield 1; throw new Error('disk') } },
}

const place = async (): Promise<Place> => {
  const at = await serve(createRpcServer({ methods }))
  open.push(() => at.close())
  started.length = 0
  ended.length = 0
  return at
}
const client = (options: RpcClientOptions): RpcClient => {
  const made = createRpcClient({ webSocket: withHeaders, ...options })
  open.push(() => made.close())
  return made
}
const until = async (done: () => boolean): Promise<void> => { while (!done()) await turn() }
const all = async (values: AsyncIterable<unknown>): Promise<unknown[]> => { const found: unknown[] = []; for await (const value of values) found.push(value); return found }

describe.each(['http', 'ws'] as const)('a client over %s', (kind) => {
  it('calls, with exact numbers both ways', async () => {
    const rpc = client({ url: (await place())[kind], token: 'secret' })
    expect(await rpc.call('Echo', [{ id: 1629383746123456789n, list: [1, null] }])).toEqual({ id: 1629383746123456789n, list: [1, null] })
    expect(await rpc.call('Void')).toBeNull()
    expect(await rpc.call('Who')).toBe('Bearer secret')
  })
  it('takes one signal for as many calls as come', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error): void => { warnings.push(warning) }
    process.on('warning', warned)
    const leave = new AbortController()
    const rpc = client({ url: (await place())[kind] })
    const { signal } = leave
    // some while the connection is made, some after, some without a signal
    const calls = [...Array.from({ length: 20 }, () => rpc.call('Waits', [], { signal })), ...Array.from({ length: 20 }, () => rpc.call('Waits'))]
    const left = Promise.allSettled(calls)
    await until(() => started.length === 40)
    leave.abort(new Error('left'))
    await rpc.close()
    expect((await left).map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 'rejected'))
    await turn()
    process.off('warning', warned)
    expect(warnings).toEqual([])
  })
  it('rejects with what the method failed with', async () => {
    const rpc = client({ url: (await place())[kind] })
    await expect(rpc.call('Fails')).rejects.toMatchObject({ name: 'RpcError', code: 'RPC_FAILED', number: 1, message: 'no shard', data: { code: 'DAGSTORE_SHARD_UNKNOWN' } })
    await expect(rpc.call('Nope')).rejects.toMatchObject({ code: 'RPC_UNKNOWN_METHOD', number: -32601 })
    await expect(rpc.call('Who', [1])).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
  })
  it('streams values until their end, and tells why one broke', async () => {
    const rpc = client({ url: (await place())[kind] })
    expect(await all(rpc.stream('Count', [200]))).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
    await expect(all(rpc.stream('Breaks'))).rejects.toMatchObject({ code: 'RPC_FAILED', message: 'disk' })
    await expect(all(rpc.stream('Who'))).rejects.toMatchObject({ code: 'RPC_BAD_ANSWER' })
  })
  it('has a stream that is left cancelled', async () => {
    const at = await place()
    const rpc = client({ url: at[kind] })
    for await (const value of rpc.stream('Count', [Number.MAX_SAFE_INTEGER])) if (value === 3) break
    await until(() => ended.includes('Count'))
    const stop = new AbortController()
    const reason = new Error('enough')
    const values = rpc.stream('Count', [Number.MAX_SAFE_INTEGER], { signal: stop.signal })
    await expect((async () => { for await (const value of values) if (value === 3) stop.abort(reason) })()).rejects.toBe(reason)
    await until(() => ended.length === 2)
    expect(at.connections.map(({ calls }) => calls)).toEqual([0])
  })
  it('withdraws a call by its signal', async () => {
    const rpc = client({ url: (await place())[kind] })
    const stop = new AbortController()
    const reason = new Error('enough')
    const waiting = rpc.call('Waits', [], { signal: stop.signal })
    await until(() => started.length === 1)
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(rpc.call('Void', [], { signal: stop.signal })).rejects.toBe(reason)
    if (kind === 'ws') await until(() => ended.includes('Waits'))
  })
  it('refuses with RPC_CLOSED what is under way at its closing, and what comes after', async () => {
    const rpc = client({ url: (await place())[kind] })
    const waiting = rpc.call('Waits')
    const values = all(rpc.stream('Count', [Number.MAX_SAFE_INTEGER]))
    const refusals = Promise.all([expect(waiting).rejects.toMatchObject({ code: 'RPC_CLOSED' }), expect(values).rejects.toMatchObject({ code: 'RPC_CLOSED' })])
    await until(() => started.length === 1)
    await turn()
    await rpc.close()
    await refusals
    await expect(rpc.call('Void')).rejects.toMatchObject({ code: 'RPC_CLOSED' })
    await rpc.close()
  })
  it('tells that nobody is there', async () => {
    const at = await place()
    await at.close()
    await expect(client({ url: at[kind] }).call('Void')).rejects.toMatchObject({ code: 'RPC_UNREACHABLE', cause: expect.anything() as unknown })
  })
})

describe('a client', () => {
  it('tells what was under way when the socket was lost, repeats nothing, and opens another for the next call', async () => {
    const at = await place()
    const rpc = client({ url: at.ws })
    const waiting = expect(rpc.call('Waits')).rejects.toMatchObject({ code: 'RPC_CONNECTION_LOST' })
    const values = expect(all(rpc.stream('Count', [Number.MAX_SAFE_INTEGER]))).rejects.toMatchObject({ code: 'RPC_CONNECTION_LOST' })
    await until(() => started.length === 1)
    at.drop()
    await Promise.all([waiting, values])
    expect(started).toHaveLength(1)
    expect(await Promise.all([rpc.call('Void'), rpc.call('Echo', [1])])).toEqual([null, 1])
    expect(at.connections).toHaveLength(2)
  })
  it('fails a stream whose values nobody takes', async () => {
    const rpc = client({ url: (await place()).ws, maxWaitingValues: 10 })
    const values = rpc.stream('Count', [Number.MAX_SAFE_INTEGER])[Symbol.asyncIterator]()
    expect(await values.next()).toMatchObject({ value: 1 })
    await expect((async () => { for (;;) { await rpc.call('Void'); await new Promise((resolve) => { setTimeout(resolve, 20) }); if ((await values.next()).done === true) return } })()).rejects.toMatchObject({ code: 'RPC_TOO_MUCH' })
    await until(() => ended.includes('Count'))
  })
  it('takes a token with a line end behind it, and refuses one that no header can hold, without repeating it', () => {
    createRpcClient({ url: 'http://localhost', token: 'good\n' })
    for (const token of ['secret\nsecret', 'secret secret', 'sécret']) {
      expect(() => createRpcClient({ url: 'http://localhost', token })).toThrow(expect.objectContaining({ name: 'TypeError', message: expect.not.stringContaining('cret') }))
    }
  })

  it('tells that its token is not taken, without the token', async () => {
    const refused = client({ url: (await place()).http, token: 'bad' }).call('Who')
    await expect(refused).rejects.toMatchObject({ code: 'RPC_FORBIDDEN' })
    await expect(refused).rejects.not.toThrow(/bad/)
  })
  it.each([['no JSON', 'x'], ['a list', '[]'], ['an error without a number', '{"error":{"message":"x"}}']])('refuses an answer that is %s', async (_what, body) => {
    await expect(client({ url: 'http://host/', fetch: async () => new Response(body) }).call('Who')).rejects.toMatchObject({ code: 'RPC_BAD_ANSWER' })
  })
  it('refuses an answer that is too long', async () => {
    await expect(client({ url: 'http://host/', fetch: async () => new Response('"123456789"'), maxAnswerLength: 8 }).call('Who')).rejects.toMatchObject({ code: 'RPC_BAD_ANSWER' })
  })
  it('takes an answer without a result, as Lotus gives', async () => {
    expect(await client({ url: 'http://host/', fetch: async () => new Response('{"jsonrpc":"2.0","id":1}') }).call('Who')).toBeUndefined()
  })
  it('knows four schemes', () => {
    expect(() => createRpcClient({ url: 'ftp://host/' })).toThrow(TypeError)
    expect(() => createRpcClient({ url: 'host' })).toThrow(TypeError)
  })
})
