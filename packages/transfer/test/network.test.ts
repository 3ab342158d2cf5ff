/** Over connections of this machine, which a proxy between the two cuts at any byte. */
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { extractPayload } from '@dagstore/carv2'
import { seededInts } from '@dagstore-tooling/fixtures'
import { createBytesSource, systemClock, type Clock } from '@dagstore/io'
import { afterEach, describe, expect, it } from 'vitest'
import { openPayloadReceiver, type PayloadHandler, payloadSource, pullPayload, pushPayload } from '../src/index.ts'
import { bytesOf, memoryFile, randomDag } from './dags.ts'
import { intakeOf, serverOf, TOKEN } from './two-sides.ts'

const open: (Server | HttpServer)[] = []
afterEach(async () => { await Promise.all(open.splice(0).map((server) => new Promise((resolve) => { server.close(resolve) }))) })
const listen = async (server: Server | HttpServer): Promise<number> => {
  open.push(server)
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return (server.address() as AddressInfo).port
}

/** What a server of Node does with a handler of the web. */
const serve = (handler: PayloadHandler): Promise<number> => listen(createHttpServer(async (incoming, outgoing) => {
  const leaving = new AbortController()
  outgoing.on('close', () => { leaving.abort() })
  const { method = 'GET' } = incoming
  const body = method === 'PUT' ? (ReadableStream.from(incoming) as ReadableStream<Uint8Array>) : null
  const request = new Request(`http://provider.test${incoming.url}`, { method, headers: incoming.headers as Record<string, string>, body, duplex: 'half', signal: leaving.signal } as RequestInit)
  const response = (await handler(request))!
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  try {
    for await (const chunk of response.body ?? []) if (!outgoing.write(chunk)) await new Promise((resolve) => { outgoing.once('drain', resolve).once('close', resolve) })
    outgoing.end()
  } catch {
    outgoing.destroy()
  }
}))

/** Cuts each of the first connections behind so many bytes, either way. */
const cutting = (port: number, cuts: number[]): Promise<number> => listen(createServer((near) => {
  const far = connect(port, '127.0.0.1')
  let rest = cuts.shift() ?? Infinity
  const end = (): void => { near.destroy(); far.destroy() }
  for (const [from, to] of [[near, far], [far, near]] as const) {
    from.on('data', (bytes: Buffer) => {
      to.write(bytes.subarray(0, Math.min(rest, bytes.byteLength)))
      rest -= bytes.byteLength
      if (rest <= 0) end()
    })
    from.on('error', end).on('close', end)
  }
}))

const hasty: Clock = { ...systemClock, sleep: (ms, options) => systemClock.sleep(ms < 30_000 ? 0 : ms, options) }

describe('over a network that is cut again and again', () => {
  it.each([1, 2, 3])('a pull brings the whole payload; seed=%i', async (seed) => {
    const dag = await randomDag(seed + 40, 30, 20_000)
    const next = seededInts(seed)
    const cuts = Array.from({ length: 12 }, () => 1 + next(dag.payload.byteLength))
    const { handler, counts } = serverOf(dag, { clock: hasty })
    const port = await cutting(await serve(handler), cuts)
    const file = memoryFile()
    const receiver = await openPayloadReceiver(await file.open(), { root: dag.root, totalBytes: dag.payload.byteLength })
    await pullPayload(`http://127.0.0.1:${port}/transfers/one`, receiver, { token: TOKEN, clock: hasty, attempts: 30 })
    await receiver.finish()
    await receiver.close()
    expect(Buffer.compare(await bytesOf(extractPayload(createBytesSource(file.content()))), dag.payload)).toBe(0)
    await expect.poll(() => counts.closed).toBe(counts.found)
  })

  it.each([1, 2, 3])('a push brings the whole payload; seed=%i', async (seed) => {
    const dag = await randomDag(seed + 50, 30, 20_000)
    const next = seededInts(seed)
    const cuts = Array.from({ length: 12 }, () => 1 + next(dag.payload.byteLength / 2))
    const { intake, file, counts } = intakeOf(dag, { clock: hasty })
    const port = await cutting(await serve(intake.handler), cuts)
    const source = await payloadSource(dag.store, dag.root)
    await pushPayload(`http://127.0.0.1:${port}/transfers/one`, source, { token: TOKEN, clock: hasty, attempts: 30, partBytes: 30_000 })
    expect(counts.completed).toBeGreaterThan(0)
    await intake.close()
    expect(counts.closed).toBe(counts.opened)
    expect(Buffer.compare(await bytesOf(extractPayload(createBytesSource(file.content()))), dag.payload)).toBe(0)
  })
})
