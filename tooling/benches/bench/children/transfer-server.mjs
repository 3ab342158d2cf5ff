/** Serves one CARv2 file: its bytes as they are, its payload, and the DAG as a gateway. */
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import process, { argv } from 'node:process'
import { Readable } from 'node:stream'
import { basename, dirname } from 'node:path'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { openHashes } from '@dagstore/hashes/node'
import { openDirectory } from '@dagstore/io/node'
import { payloadSource, servePayloads } from '@dagstore/transfer'
import { createGateway } from '@dagstore/trustless-gateway'
import { nodeHandler } from '@dagstore/trustless-gateway/node'
import { CID } from 'multiformats/cid'

const { path, root } = JSON.parse(argv[2])
const hashes = await openHashes()
const mount = await openIndexMount({ data: await openDirectory(dirname(path)).openSource(basename(path)) }, { hashes })
const { blockstore } = mount
const gateway = nodeHandler(createGateway({ blockstore, hashes, verify: 'never' }))
// the store hashes what it gives
const payload = await payloadSource(blockstore, CID.parse(root), { hashes, verify: 'never' })
const payloads = servePayloads({ prefix: '/payloads/', find: async () => ({ payload, close: () => {} }) })

const server = createServer(async (request, response) => {
  const leaving = new AbortController()
  response.on('close', () => { leaving.abort() })
  try {
    if (request.url === '/plain') {
      createReadStream(path, { highWaterMark: 1 << 18 }).pipe(response)
    } else if (request.url.startsWith('/payloads/')) {
      const answer = await payloads(new Request(new URL(request.url, 'http://here'), { method: request.method, headers: request.headers, signal: leaving.signal }))
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
  server.closeAllConnections()
  server.close()
  await mount.close()
})
