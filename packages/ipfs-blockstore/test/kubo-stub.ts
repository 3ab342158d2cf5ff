/** `/api/v0` on this machine, which answers word for word as Kubo 0.38 does offline. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CarBlockIterator } from '@ipld/car/iterator'
import { createHashes } from '@dagstore/hashes'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

const hashes = createHashes()
/** Those for which the stub has a decoder, as Kubo has for these and a few more. */
const DECODED = new Set([0x55, 0x70, 0x71])
const HASHES: ReadonlyMap<string, number> = new Map([['sha2-256', 0x12], ['sha2-512', 0x13], ['blake2b-256', 0xb220]])

export interface KuboStub extends AsyncDisposable {
  readonly url: string
  readonly host: string
  /** By multihash, as text. */
  readonly blocks: Map<string, Uint8Array>
  readonly pins: Set<string>
  /** Command and query of each request, in order. */
  readonly log: string[]
  readonly headers: IncomingMessage['headers'][]
  /** Answers in place of the stub; returns whether it did. */
  intercept: ((request: IncomingMessage, response: ServerResponse, command: string) => boolean) | undefined
  /** Resolves when the client has left a request that was intercepted. */
  readonly left: () => Promise<void>
  put(cid: CID, bytes: Uint8Array): void
}

export const keyOf = (cid: CID): string => CID.createV1(0x55, cid.multihash).toString()

export const refuse = (response: ServerResponse, message: string): true => {
  response.writeHead(500, { 'content-type': 'application/json', trailer: 'X-Stream-Error' }).end(`${JSON.stringify({ Message: message, Code: 0, Type: 'error' })}\n`)
  return true
}

export const openKuboStub = async (): Promise<KuboStub> => {
  let leave = (): void => {}
  const gone = new Promise<void>((resolve) => { leave = resolve })
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://stub')
    const command = url.pathname.replace('/api/v0/', '')
    stub.log.push(`${request.method} ${command}${url.search}`)
    stub.headers.push(request.headers)
    response.on('close', () => {
      if (!response.writableFinished) leave()
    })
    if (stub.intercept?.(request, response, command) === true) return
    if (request.method !== 'POST') return void response.writeHead(405).end('405 - Method Not Allowed\n')
    void answer(stub, command, url.searchParams, request, response)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stub: KuboStub = {
    url: `http://${host}`,
    host,
    blocks: new Map(),
    pins: new Set(),
    log: [],
    headers: [],
    intercept: undefined,
    left: () => gone,
    put: (cid, bytes) => { stub.blocks.set(keyOf(cid), bytes) },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => { server.close(resolve) })
    },
  }
  return stub
}

const answer = async (stub: KuboStub, command: string, query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const json = (...values: readonly unknown[]): void => {
    response.writeHead(200, { 'content-type': 'application/json', trailer: 'X-Stream-Error' }).end(values.map((value) => `${JSON.stringify(value)}\n`).join(''))
  }
  const arg = query.get('arg') ?? ''
  switch (command) {
    case 'block/get':
    case 'block/stat': {
      const block = stub.blocks.get(keyOf(CID.parse(arg)))
      if (block === undefined) return void refuse(response, `block was not found locally (offline): ipld: could not find ${arg}`)
      if (command === 'block/stat') return json({ Key: arg, Size: block.byteLength })
      return void response.writeHead(200, { 'content-type': 'text/plain', 'x-stream-output': '1', trailer: 'X-Stream-Error' }).end(block)
    }
    case 'block/put': {
      const code = HASHES.get(query.get('mhtype') ?? '')
      if (code === undefined) return void refuse(response, `unrecognized multihash function: ${query.get('mhtype')}`)
      const bytes = await uploaded(request)
      const cid = CID.createV1(0x55, create(code, hashes.digest(code, bytes)))
      stub.put(cid, bytes)
      return json({ Key: cid.toString(), Size: bytes.byteLength })
    }
    case 'dag/import': {
      const blocks: { cid: CID, bytes: Uint8Array }[] = []
      for await (const { cid, bytes } of await CarBlockIterator.fromBytes(await uploaded(request))) {
        if (!DECODED.has(cid.code)) {
          return void refuse(response, `import failed at block "${cid}": could not choose a decoder: no decoder registered for multicodec code ${cid.code} (0x${cid.code.toString(16)})`)
        }
        blocks.push({ cid, bytes })
      }
      for (const { cid, bytes } of blocks) stub.put(cid, bytes)
      return json({ Stats: { BlockCount: blocks.length, BlockBytesCount: blocks.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) } })
    }
    case 'refs/local':
      return json(...[...stub.blocks.keys()].map((Ref) => ({ Ref, Err: '' })))
    case 'pin/add':
      if (!stub.blocks.has(keyOf(CID.parse(arg)))) return void refuse(response, `pin: block was not found locally (offline): ipld: could not find ${arg}`)
      stub.pins.add(arg)
      return json({ Progress: 1 }, { Pins: [arg] })
    case 'pin/rm':
      if (!stub.pins.delete(arg)) return void refuse(response, 'not pinned or pinned indirectly')
      return json({ Pins: [arg] })
    default:
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n')
  }
}

const uploaded = async (request: IncomingMessage): Promise<Uint8Array> => {
  const body = Buffer.concat(await request.toArray() as Uint8Array[])
  const form = await new Response(body, { headers: { 'content-type': request.headers['content-type'] ?? '' } }).formData()
  const file = form.get('file')
  if (!(file instanceof Blob)) throw new Error('no file was uploaded')
  return new Uint8Array(await file.arrayBuffer())
}
