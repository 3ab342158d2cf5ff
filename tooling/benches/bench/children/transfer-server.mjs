/** Serves one CARv2 file: its bytes as they are, its payload, and the DAG as a gateway. Takes a payload, and bytes as they are, into files beside it. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import process, { argv } from 'node:process'
import { Readable } from 'node:stream'
import { basename, dirname, join } from 'node:path'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { openHashes } from '@dagstore/hashes/node'
import { openDirectory } from '@dagstore/io/node'
import { openPayloadReceiver, payloadSource, receivePayloads, servePayloads } from '@dagstore/transfer'
import { createGateway } from '@dagstore/trustless-gateway'
import { nodeHandler } from '@dagstore/trustless-gateway/node'
import { CID } from 'multiformats/cid'

const { path, root } = JSON.parse(argv[2])
const hashes = await openHashes()
const directory = openDirectory(dirname(path))
const mount = await openIndexMount({ data: await directory.openSource(basename(path)) }, { hashes })
const { blockstore } = mount
const gateway = nodeHandler(createGateway({ blockstore, hashes, verify: 'never' }))
// the store hashes what it gives
const payload = await payloadSource(blockstore, CID.parse(root), { hashes, verify: 'never' })
const payloads = servePayloads({ prefix: '/payloads/', find: async () => ({ payload, close: () => {} }) })
const intake = receivePayloads({
  prefix: '/intake/',
  find: async () => ({
    open: async () => openPayloadReceiver(await directory.openWritable('intake.car', 'any'), { root: CID.parse(root), totalBytes: payload.sizeBytes, hashes }),
    completed: async () => {},
    cancelled: async () => {},
  }),
})

const keep = async (request, to) => {
  const file = await open(to, 'w')
  try {
    for await (const chunk of request) await file.writev([chunk])
    await file.sync()
  } finally {
    await file.close()
  }
}

const server = createServer(async (request, response) => {
  const leaving = new AbortController()
  response.on('close', () => { leaving.abort() })
  try {
    if (request.url === '/plain') {
      createReadStream(path, { highWaterMark: 1 << 18 }).pipe(response)
    } else if (request.url === '/plain-intake') {
      await keep(request, join(dirname(path), 'plain.bin'))
      response.end()
    } else if (request.url.startsWith('/payloads/') || request.url.startsWith('/intake/')) {
      const body = request.method === 'PUT' ? { body: Readable.toWeb(request), duplex: 'half' } : {}
      const asked = new Request(new URL(request.url, 'http://here'), { method: request.method, headers: request.headers, signal: leaving.signal, ...body })
      const answer = await (request.url.startsWith('/intake/') ? intake.handler : payloads)(asked)
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      if (answer.body === null) response.end()
      else Readable.fromWeb(answer.body).on('error', () => { response.destroy() }).pipe(response)
    } else {
      await gateway(request, response, { client: 'here', signal: leaving.signal })
    }
  } catch {
    response.destroy()
  }
})
server.listen(0, '127.0.0.1', () => { process.send({ port: server.address().port, sizeBytes: payload.sizeBytes }) })
process.once('disconnect', async () => {
  await intake.close()
  server.closeAllConnections()
  server.close()
  await mount.close()
})
