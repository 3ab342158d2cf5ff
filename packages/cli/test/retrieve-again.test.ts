/** The same `client retrieve` again, or the same order by the API, after the network has ended one: it goes on with what it had. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { CID } from 'multiformats/cid'
import { expect, it, onTestFinished } from 'vitest'
import { openLocalClient } from '../src/client/local-client.ts'
import { openShardStore } from '../src/compose.ts'
import { file, serveStore } from './served-store.ts'
import { dagstore, temporaryFolder } from './terminal.ts'

const root = CID.decode(file.block.cid)

/** In front of a gateway: the first answer with a CAR is cut, and then there is none until it is mended. */
const faltering = async (url: string): Promise<{ readonly url: string, readonly bytes: () => number, mend (): void }> => {
  let [bytes, isCut, isMended] = [0, false, false]
  const server = createServer(async (request, response) => {
    if (isCut && !isMended) return void response.writeHead(404).end()
    const answer = await fetch(`${url}${request.url}`, { headers: { accept: request.headers.accept ?? '*/*' } })
    const type = answer.headers.get('content-type') ?? ''
    response.writeHead(answer.status, { 'content-type': type })
    if (answer.body === null) return void response.end()
    const body = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0])
    let left = type.includes('car') && !isMended ? 6 << 20 : Number.POSITIVE_INFINITY
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength
      left -= chunk.byteLength
      await new Promise<void>((resolve) => { response.write(chunk, () => { resolve() }) })
      if (left > 0) continue
      isCut = true
      return void response.destroy()
    }
    response.end()
  }).listen(0, '127.0.0.1')
  await new Promise<void>((resolve) => { server.once('listening', resolve) })
  onTestFinished(() => new Promise<void>((resolve) => { server.closeAllConnections(); server.close(() => { resolve() }) }))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bytes: () => bytes, mend: () => { bytes = 0; isMended = true } }
}

it.each(['client retrieve', 'ClientRetrieve'])('%s goes on with one that the network has ended', async (how) => {
  const served = await serveStore()
  onTestFinished(() => served.close())
  const gateway = await faltering(served.url)
  const cwd = await temporaryFolder()
  const args = ['client', 'retrieve', '--provider', gateway.url, root.toString(), 'out']
  expect((await dagstore(cwd, args)).code).toBe(1)
  const folder = join(cwd, '.dagstore', 'retrievals')
  const [name = ''] = await readdir(folder)
  const had = (await stat(join(folder, name))).size
  expect(had).toBeGreaterThan(4 << 20)
  gateway.mend()
  if (how === 'client retrieve') expect(await dagstore(cwd, args)).toMatchObject({ code: 0, stdout: 'Success\n' })
  else {
    const store = await openShardStore({ path: join(cwd, '.dagstore'), label: '.dagstore' })
    const { calls, close } = await openLocalClient(store, () => {})
    const order = { Root: root, Piece: null, Size: 0, FromLocalCAR: '', Total: '0', UnsealPrice: '0', PaymentInterval: 0, PaymentIntervalIncrease: 0, Client: '', Miner: '', MinerPeer: null, Providers: [gateway.url] }
    await calls.ClientRetrieve(order, { Path: join(cwd, 'out'), IsCAR: false })
    await close()
    await store.close()
  }
  expect((await readFile(join(cwd, 'out'))).byteLength).toBe(16 << 20)
  expect(gateway.bytes()).toBeLessThan((16 << 20) - had + (1 << 20))
  expect(await readdir(folder)).toEqual([name])
})
