/** A DAG store over CAR files, served by our gateway, and how both gateways are asked. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { selfSigned } from '@dagstore-tooling/fixtures'
import { openDagstore } from '@dagstore/node'
import { fileUrl } from '@dagstore/mounts'
import { createGateway, type GatewayOptions } from '@dagstore/trustless-gateway'
import { serveGateway } from '@dagstore/trustless-gateway/node'
import { CarReader } from '@ipld/car'

export interface ServedStore extends AsyncDisposable { readonly url: string }

/** @param folder - takes the store's files. @param paths - of CAR files, one shard each */
export const serveStore = async (folder: string, paths: readonly string[], options: { readonly tls?: boolean } & Omit<GatewayOptions, 'blockstore'> = {}): Promise<ServedStore> => {
  const { tls = false, ...gateway } = options
  const own = await mkdtemp(join(folder, 'store-'))
  const store = await openDagstore(join(own, 'root'))
  for (const [i, path] of paths.entries()) await store.register(`car-${i}`, fileUrl(path), { indexing: 'eager' })
  const files = { certFile: join(own, 'cert.pem'), keyFile: join(own, 'key.pem') }
  if (tls) {
    const { cert, key } = selfSigned()
    await writeFile(files.certFile, cert)
    await writeFile(files.keyFile, key)
  }
  const server = await serveGateway(createGateway({ blockstore: store.blockstore, verify: 'never', ...gateway }), { listen: { port: 0 }, ...(tls ? { tls: files } : {}) })
  return {
    url: server.address.url,
    [Symbol.asyncDispose]: async () => {
      await server.close({ deadlineMs: 0 })
      await store.close()
    },
  }
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly whole: boolean
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

/** @param target - sent as it is */
export const ask = (url: string, target: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<HttpAnswer> => new Promise((resolve, reject) => {
  const { hostname, port } = new URL(url)
  request({ hostname, port, path: target, method, headers, agent }, (response) => {
    const chunks: Uint8Array[] = []
    response.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    response.once('error', () => {})
    response.once('close', () => {
      const plain = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)]))
      resolve({ status: response.statusCode ?? 0, headers: plain, body: Uint8Array.from(Buffer.concat(chunks)), whole: response.complete })
    })
  }).once('error', reject).end()
})

/** CIDs in order; `undefined`: not a CAR to its end. */
export const cidsOf = async (body: Uint8Array): Promise<string[] | undefined> => {
  try {
    const cids: string[] = []
    for await (const cid of (await CarReader.fromBytes(body)).cids()) cids.push(cid.toString())
    return cids
  } catch {
    return undefined
  }
}
