import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createRpcServer, type RpcCall, type RpcMethods } from '../src/index.ts'
import { fakeSocket, type FakeSocket } from './sockets.ts'

interface World {
  readonly socket: FakeSocket
  readonly connection: { readonly calls: number, readonly closed: Promise<void>, drain (): Promise<void>, close (reason?: string): Promise<void> }
  /** Streams that were left. */
  readonly left: string[]
  readonly signals: AbortSignal[]
}

const settle = async (): Promise<void> => { for (let i = 0; i < 20; i++) await turn() }

const open = (limits = {}): World => {
  const left: string[] = []
  const signals: AbortSignal[] = []
  const note = ({ signal }: RpcCall<undefined>): void => { signals.push(signal) }
  const methods: RpcMethods<undefined> = {
    Add: { required: 2, handle: ([a, b]) => Number(a) + Number(b) },
    Waits: { required: 0, handle: (_params, call) => { note(call); return new Promise((_resolve, reject) => { call.signal.addEventListener('abort', () => { reject(call.signal.reason as Error) }) }) } },
    Count: { required: 1, stream: true, handle: async function * ([most]) { try { for (let i = 1; i <= Number(most); i++) yield i } finally { left.push('Count') } } },
    Hangs: { required: 0, stream: true, handle: async function * (_params, call) { note(call); try { yield 'first'; await new Promise(() => {}) } finally { left.push('Hangs') } } },
    Breaks: { required: 0, stream: true, handle: async function * () { yield 1; throw Object.assign(new Error('disk'), { code: 'IO_FAILED' }) } },
    Refuses: { required: 0, stream: true, handle: () => Promise.reject(new Error('no')) },
  }
  const socket = fakeSocket()
  return { socket, left, signals, connection: createRpcServer({ methods, limits }).connect(socket, { context: undefined }) }
}

describe('a connection', () => {
  it('answers calls side by side, each under its id', async () => {
    const { socket, connection } = open()
    socket.receive({ id: 1, method: 'Waits', params: [] })
    socket.receive({ id: '1', method: 'Add', params: [2, 3] })
    socket.receive({ method: 'Add', params: [2, 3] })
    await settle()
    expect(socket.sent).toEqual([{ jsonrpc: '2.0', id: '1', result: 5 }])
    expect(connection.calls).toBe(1)
    await connection.close()
  })
  it('gives the values of a stream in order, between its number and its end', async () => {
    const { socket, left } = open()
    socket.receive({ id: 7, method: 'Count', params: [3] })
    socket.receive({ id: 8, method: 'Count', params: [0] })
    await settle()
    const of = (channel: number): unknown[] => socket.sent.filter((message) => { const { params, result } = message as { params?: unknown[], result?: number }; return result === channel || params?.[0] === channel })
    expect(of(1)).toEqual([
      { jsonrpc: '2.0', id: 7, result: 1 },
      ...[1, 2, 3].map((value) => ({ jsonrpc: '2.0', method: 'xrpc.ch.val', params: [1, value] })),
      { jsonrpc: '2.0', method: 'xrpc.ch.close', params: [1] },
    ])
    expect(of(2)).toEqual([{ jsonrpc: '2.0', id: 8, result: 2 }, { jsonrpc: '2.0', method: 'xrpc.ch.close', params: [2] }])
    expect(left).toEqual(['Count', 'Count'])
  })
  it('tells why a stream broke, behind what Go reads', async () => {
    const { socket } = open()
    socket.receive({ id: 1, method: 'Breaks' })
    socket.receive({ id: 2, method: 'Refuses' })
    await settle()
    expect(socket.sent).toContainEqual({ jsonrpc: '2.0', method: 'xrpc.ch.close', params: [1, { code: 1, message: 'disk', data: { code: 'IO_FAILED' } }] })
    expect(socket.sent).toContainEqual({ jsonrpc: '2.0', id: 2, error: { code: 1, message: 'no' } })
  })
  it('ends a call and a stream that are cancelled, also one that waits for its next value', async () => {
    const { socket, connection, signals } = open()
    socket.receive({ id: 1, method: 'Waits' })
    socket.receive({ id: 2, method: 'Hangs' })
    await settle()
    socket.receive({ method: 'xrpc.cancel', params: [1] })
    socket.receive({ method: 'xrpc.cancel', params: [2] })
    socket.receive({ method: 'xrpc.cancel', params: [] })
    await settle()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(socket.sent).toContainEqual({ jsonrpc: '2.0', id: 1, error: { code: 1, message: 'call was cancelled' } })
    expect(socket.sent.at(-1)).toEqual({ jsonrpc: '2.0', method: 'xrpc.ch.close', params: [1] })
    expect(connection.calls).toBe(0)
  })
  it('leaves streams whose peer is gone, so that nothing is pumped into nowhere', async () => {
    const { socket, connection, left, signals } = open()
    socket.receive({ id: 1, method: 'Count', params: [Number.MAX_SAFE_INTEGER] })
    socket.receive({ id: 2, method: 'Waits' })
    await settle()
    socket.leave()
    await connection.closed
    const sent = socket.sent.length
    await settle()
    expect([left, signals[0]?.aborted, connection.calls, socket.sent.length]).toEqual([['Count'], true, 0, sent])
  })
  it('begins no stream that was asked for without an id, since nobody could take its values or end it', async () => {
    let began = 0
    const socket = fakeSocket()
    const connection = createRpcServer<undefined>({ methods: { All: { required: 0, stream: true, handle: () => { began++; return (async function * () { yield 1 })() } } } }).connect(socket, { context: undefined })
    socket.receive({ method: 'All' })
    socket.receive({ id: 1, method: 'All' })
    await settle()
    expect([began, connection.calls]).toEqual([1, 0])
  })
  it('takes no value from a stream while the peer does not read', async () => {
    let go: () => void = () => {}
    let taken = 0
    const socket = fakeSocket()
    socket.held = new Promise((resolve) => { go = resolve })
    const counting = createRpcServer<undefined>({ methods: { All: { required: 0, stream: true, handle: async function * () { for (;;) yield taken++ } } } })
    const connection = counting.connect(socket, { context: undefined })
    socket.receive({ id: 1, method: 'All' })
    await settle()
    expect(taken).toBe(0)
    go()
    await settle()
    expect(taken).toBeGreaterThan(2)
    await connection.close()
  })
  it('refuses more calls than it takes, and an id that is in use', async () => {
    const { socket, connection } = open({ maxCalls: 2 })
    socket.receive({ id: 1, method: 'Waits' })
    socket.receive({ id: 1, method: 'Waits' })
    socket.receive({ id: 2, method: 'Waits' })
    socket.receive({ id: 3, method: 'Add', params: [1, 1] })
    await settle()
    expect(socket.sent).toEqual([
      { jsonrpc: '2.0', id: 1, error: { code: -32600, message: 'a call with this id is under way' } },
      { jsonrpc: '2.0', id: 3, error: { code: -32005, message: 'too many calls under way; most=2' } },
    ])
    await connection.close()
  })
  it('answers what is no request, passes over answers, and closes on what is too long', async () => {
    const { socket, connection } = open({ maxMessageLength: 100 })
    for (const message of ['{', '3', '[]', { id: {}, method: 'Add' }, { id: 9, method: 'Nope' }, { id: 1, result: 1 }, { method: 'xrpc.ch.val', params: [1, 2] }]) socket.receive(message)
    await settle()
    expect(socket.sent.map((message) => (message as { error: { code: number } }).error.code)).toEqual([-32700, -32700, -32700, -32700, -32601])
    socket.receive(`"${'x'.repeat(100)}"`)
    await connection.closed
    expect(socket.closings[0]).toEqual({ code: 1009, reason: 'message too big' })
    socket.receive({ id: 1, method: 'Add', params: [1, 2] })
    await settle()
    expect(socket.sent).toHaveLength(5)
  })
  it('answers what is under way while it takes no more', async () => {
    const { socket, connection, signals } = open()
    socket.receive({ id: 1, method: 'Waits', params: [] })
    await settle()
    let isDone = false
    const drained = connection.drain().then(() => { isDone = true })
    socket.receive({ id: 2, method: 'Add', params: [1, 2] })
    await settle()
    expect(isDone).toBe(false)
    expect(socket.sent).toMatchObject([{ id: 2, error: { message: 'connection is closing', data: { code: 'RPC_CLOSED' } } }])
    socket.receive({ method: 'xrpc.cancel', params: [1] })
    await drained
    expect(signals[0]?.aborted).toBe(true)
    expect(socket.sent).toMatchObject([{ id: 2 }, { id: 1, error: { message: 'call was cancelled' } }])
    expect(socket.closings).toEqual([])
  })

  it('is closed once, whoever closes it', async () => {
    const { socket, connection } = open()
    await Promise.all([connection.close('bye'), connection.close()])
    socket.leave()
    await connection.closed
    expect(socket.closings).toEqual([{ code: 1001, reason: 'bye' }])
  })
})
