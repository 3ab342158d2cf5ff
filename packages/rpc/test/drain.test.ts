import { setImmediate as turn } from 'node:timers/promises'
import type { LotusApi } from '@dagstore/lotus-api'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { call, serve } from './server.ts'

interface Waiting { readonly signal: AbortSignal | undefined, go (): void }

const gated = (stubborn = false): { readonly api: Partial<LotusApi>, readonly calls: Waiting[] } => {
  const calls: Waiting[] = []
  return {
    calls,
    api: {
      Session: (options) => new Promise((resolve, reject) => {
        calls.push({ signal: options?.signal, go: () => { resolve('done') } })
        if (!stubborn) options?.signal?.addEventListener('abort', () => { reject(options.signal?.reason as Error) })
      }),
      DagstoreEvents: async function * () {
        yield { Type: 'dropped', Count: 1 }
        await new Promise(() => {}) // heeds no signal
      },
    },
  }
}

const until = async (is: () => boolean): Promise<void> => { while (!is()) await turn() }

describe('closing', () => {
  it('answers what is under way, over both, and takes nothing new', async () => {
    const { api, calls } = gated()
    const world = await serve({ api, clock: createFakeClock() })
    const posted = world.post(call('Session'))
    const client = world.client(['read'])
    const called = client.Session()
    await until(() => calls.length === 2)
    const closed = world.server.close()
    await expect(client.Session()).rejects.toMatchObject({ data: { code: 'RPC_CLOSED' } })
    await expect(world.post(call('Session'))).rejects.toThrow()
    for (const { go } of calls) go()
    expect(await (await posted).json()).toMatchObject({ result: 'done' })
    expect(await called).toBe('done')
    await closed
    await client.close()
  })

  it('ends streams at once, and says that they were not at their end', async () => {
    const { api } = gated()
    const world = await serve({ api, clock: createFakeClock() })
    const client = world.client(['read'])
    const values = client.DagstoreEvents()[Symbol.asyncIterator]()
    expect(await values.next()).toMatchObject({ value: { Type: 'dropped', Count: 1 } })
    const next = expect(values.next()).rejects.toMatchObject({ message: 'server is closing' })
    await world.server.close()
    await next
    await client.close()
  })

  it('aborts at the deadline what has not ended, and waits no longer for what does not heed that', async () => {
    for (const stubborn of [false, true]) {
      const { api, calls } = gated(stubborn)
      const clock = createFakeClock()
      const world = await serve({ api, clock })
      const posted = world.post(call('Session')).then((answer) => answer.text(), () => 'gone')
      const client = world.client(['read'])
      const called = client.Session().catch((error: { code: string }) => error.code)
      await until(() => calls.length === 2)
      let isClosed = false
      const closed = world.server.close({ deadlineMs: 5000 }).then(() => { isClosed = true })
      await clock.advance(4999)
      expect([isClosed, calls.map(({ signal }) => signal?.aborted)]).toEqual([false, [false, false]])
      await clock.advance(1)
      expect(calls.map(({ signal }) => signal?.aborted)).toEqual([true, true])
      for (let i = 0; i < 20; i++) await turn()
      await clock.advance(1000)
      await closed
      expect(await posted).toMatch(stubborn ? /gone/ : /server is closing|gone/)
      expect(await called).toMatch(/^RPC_/)
      await client.close()
    }
  })

  it('is done once, whoever asks, and leaves the port free', async () => {
    const world = await serve()
    const { port } = world.server.address
    await Promise.all([world.server.close(), world.server.close({ deadlineMs: 1 }), world.server[Symbol.asyncDispose]()])
    const again = await serve({ listen: { port } })
    await again.close()
  })

  it('is not held up by connections that do nothing, or have not said what they want', async () => {
    const world = await serve({ clock: createFakeClock() })
    const silent = await world.open()
    const half = await world.open()
    half.write('POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nContent-Le')
    const kept = await fetch(`${world.url}/healthz`)
    await kept.text()
    await world.server.close({ deadlineMs: 1 })
    silent.destroy()
    half.destroy()
  })

  it('begins no call whose request comes to its end when it is too late', async () => {
    const { api, calls } = gated()
    const world = await serve({ api, clock: createFakeClock() })
    const body = call('Session')
    const socket = await world.open()
    const text = new Promise<string>((resolve) => {
      let all = ''
      socket.on('data', (chunk: Buffer) => { all += chunk.toString() })
      socket.on('close', () => { resolve(all) })
    })
    socket.write(`POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`)
    const metrics = async (): Promise<string> => (await fetch(`${world.url}/metrics`)).text()
    while (!(await metrics()).includes('dagstore_rpc_requests 2\n')) await turn()
    const closed = world.server.close()
    socket.write(body.slice(5))
    await closed
    expect(await text).toContain('server is closing')
    expect(calls).toEqual([])
  })

  it('answers no more behind what is under way on one connection', async () => {
    const { api, calls } = gated()
    const world = await serve({ api, clock: createFakeClock() })
    const socket = await world.open()
    const body = call('Session')
    socket.write(`POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await until(() => calls.length === 1)
    const text = new Promise<string>((resolve) => {
      let all = ''
      socket.on('data', (chunk: Buffer) => { all += chunk.toString() })
      socket.on('close', () => { resolve(all) })
    })
    const closed = world.server.close()
    calls[0]?.go()
    await closed
    expect(await text).toMatch(/"result":"done"/)
  })
})
