/**
 * A DAG from a server in another process into a CARv2 file: as the payload of a deal, and as a CAR of a gateway. The floor sends a file of the same
 * bytes and writes them; nothing is hashed there. Files are synced.
 */
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openHashes } from '@dagstore/hashes/node'
import { openDirectory } from '@dagstore/io/node'
import { openRetrievals } from '@dagstore/retrievals'
import { fetchingStore, gatewaySource, openPayloadReceiver, pullPayload } from '@dagstore/transfer'
import { startTransfers } from '../src/gateway-servers.mjs'
import { makeLargeDag } from '../src/large-dag.mjs'

export const title = 'Move a DAG over loopback into a CARv2 file'
export const packages = ['transfer', 'retrievals']

const MIB = 1 << 20
const COUNTS = { small: 16, default: 256, large: 1024 }
/** What a transfer that was cut lacks. */
const REST = 8 * MIB

export const run = async ({ compare, amounts, scratch, form }) => {
  const count = COUNTS[form]
  const hashes = await openHashes()
  const { path, root, payloadBytes } = await makeLargeDag(scratch, count * MIB)
  const server = await startTransfers({ path, root: root.toString() })
  const origin = `http://127.0.0.1:${server.port}`
  const directory = openDirectory(scratch)
  const retrievals = openRetrievals({ directory: directory.child('retrievals'), hashes })

  const receive = async (use) => {
    const receiver = await openPayloadReceiver(await directory.openWritable('payload.car', 'any'), { root, totalBytes: server.sizeBytes, hashes })
    try {
      await use(receiver)
    } finally {
      await receiver.close()
    }
  }
  const pull = () => receive(async (receiver) => {
    await pullPayload(`${origin}/payloads/one`, receiver)
    await receiver.finish()
  })
  const retrieve = async (options = {}) => {
    const from = fetchingStore({ root, sources: [gatewaySource(origin)], hashes })
    try {
      await retrievals.retrieve({ id: 'one', root, from, ...options })
    } finally {
      await from.close()
    }
  }
  const gone = async () => {
    await rm(join(scratch, 'payload.car'), { force: true })
    await rm(join(scratch, 'retrievals'), { recursive: true, force: true })
  }
  await compare({
    what: `${count} MiB in leaves of 1 MiB, sha2-256`,
    work: { bytes: payloadBytes },
    rounds: 3,
    cases: [
      { name: 'pullPayload', role: 'ours', prepare: gone, run: pull },
      { name: 'retrieve, from a gateway', role: 'ours', prepare: gone, run: retrieve },
      { name: 'fetch and write', role: 'floor', prepare: gone, run: () => copy(`${origin}/plain`, join(scratch, 'plain.bin')) },
    ],
    wanted: ['pullPayload', 'retrieve, from a gateway'].map((name) => ({ name, against: 'fetch and write', atLeast: 0.5 })),
  })

  await gone()
  await receive(async (receiver) => {
    let asked = 0
    const cut = {
      attempts: 1,
      fetch: async (url, init) => {
        if (asked++ > 0) throw new Error('gone')
        return cutAfter(await fetch(url, init), server.sizeBytes - REST)
      },
    }
    await pullPayload(`${origin}/payloads/one`, receiver, cut).catch(() => {})
    if (receiver.complete || receiver.doneBytes < server.sizeBytes - 3 * REST) throw new Error(`not cut there; done=${receiver.doneBytes}`)
  })
  const pulled = await timed(pull)
  const leaving = new AbortController()
  await retrieve({ signal: leaving.signal, onProgress: ({ doneBytes }) => { if (doneBytes > count * MIB - REST) leaving.abort() } }).catch(() => {})
  const retrieved = await timed(retrieve)
  await amounts({
    what: `Going on with ${count} MiB of which the last 8 are missing, to the end`,
    unit: 'ms',
    figures: [{ name: 'pullPayload', role: 'ours', value: pulled, atMost: 2000 }, { name: 'retrieve, from a gateway', role: 'ours', value: retrieved, atMost: 2000 }],
  })
  await server.close()
}

const timed = async (work) => {
  globalThis.gc?.()
  const start = performance.now()
  await work()
  return performance.now() - start
}

const copy = async (url, path) => {
  const file = await open(path, 'w')
  try {
    for await (const chunk of (await fetch(url)).body) await file.writev([chunk])
    await file.sync()
  } finally {
    await file.close()
  }
}

const cutAfter = (response, bytes) => {
  let rest = bytes
  const body = response.body.pipeThrough(new TransformStream({
    transform: (chunk, controller) => {
      controller.enqueue(chunk.subarray(0, Math.max(0, rest)))
      rest -= chunk.byteLength
      if (rest <= 0) controller.error(new Error('cut'))
    },
  }))
  return new Response(body, { status: response.status, headers: response.headers })
}
