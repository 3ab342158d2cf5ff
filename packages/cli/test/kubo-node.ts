/** As much of `/api/v0` of an IPFS node as a client of blocks asks for; how a real one answers is tried with `@dagstore/ipfs-blockstore`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readLayout, scanSections } from '@dagstore/carv2'
import { createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { onTestFinished } from 'vitest'

export interface KuboNode {
  readonly url: string
  /** By multihash, as text. */
  readonly blocks: Map<string, Uint8Array>
  /** The same, of blocks that others have: given to those who do not ask for what is here alone. */
  readonly network: Map<string, Uint8Array>
  readonly pins: Set<string>
  /** Command and query of each request. */
  readonly log: string[]
  close (): Promise<void>
}

const keyOf = (cid: CID): string => CID.createV1(0x55, cid.multihash).toString()

export const openKuboNode = async (): Promise<KuboNode> => {
  const [blocks, network, pins, log] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>(), new Set<string>(), [] as string[]]
  const server = createServer(async (request, response) => {
    const { pathname, search, searchParams } = new URL(request.url ?? '', 'http://node')
    const command = pathname.replace('/api/v0/', '')
    log.push(`${command}${search}`)
    const arg = searchParams.get('arg') ?? ''
    const json = (status: number, value: unknown): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`) }
    const block = arg === '' ? undefined : blocks.get(keyOf(CID.parse(arg))) ?? (searchParams.get('offline') === 'true' ? undefined : network.get(keyOf(CID.parse(arg))))
    switch (command) {
      case 'block/get': return void (block === undefined ? json(500, absent(arg)) : response.writeHead(200).end(block))
      case 'block/stat': return block === undefined ? json(500, absent(arg)) : json(200, { Key: arg, Size: block.byteLength })
      case 'pin/add':
        pins.add(arg)
        return json(200, { Pins: [arg] })
      case 'dag/import': {
        const body = new Response(Buffer.concat(await request.toArray()), { headers: { 'content-type': request.headers['content-type'] ?? '' } })
        const car = createBytesSource(new Uint8Array(await ((await body.formData()).get('file') as Blob).arrayBuffer()))
        let [BlockCount, BlockBytesCount] = [0, 0]
        for await (const { cid, sourceOffset, headBytes, dataBytes } of scanSections(car, await readLayout(car))) {
          const at = sourceOffset + headBytes
          blocks.set(keyOf(CID.decode(cid)), (await car.read(at, dataBytes)).slice())
          BlockCount++
          BlockBytesCount += dataBytes
        }
        return json(200, { Stats: { BlockCount, BlockBytesCount } })
      }
      default: return json(404, {})
    }
  }).listen(0, '127.0.0.1')
  await new Promise<void>((resolve) => { server.once('listening', resolve) })
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => { server.close(resolve) })
  }
  onTestFinished(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, blocks, network, pins, log, close }
}

const absent = (arg: string): object => ({ Message: `block was not found locally (offline): ipld: could not find ${arg}`, Code: 0, Type: 'error' })
