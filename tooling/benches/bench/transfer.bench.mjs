/**
 * A DAG between two processes into a CARv2 file: the payload of a deal, pulled by the receiver or pushed by the sender, and a CAR of a gateway.
 * The floors send a file of the same bytes and write them; nothing is hashed there. Files are synced.
 */
import { createReadStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { openHashes } from '@dagstore/hashes/node'
import { openDirectory } from '@dagstore/io/node'
import { openRetrievals } from '@dagstore/retrievals'
import { fetchingStore, gatewaySource, openPayloadReceiver, payloadSource, pullPayload, pushPayload } from '@dagstore/transfer'
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
  // what it reads is hashed by the store, as an import does it
  const mount = await openIndexMount({ data: await directory.openSource('dag.car') }, { hashes })
  const payload = await payloadSource(mount.blockstore, root, { hashes, verify: 'never' })
  const push = (options = {}) => pushPayload(`${origin}/intake/one`, payload, options)
  const send = async () => {
    const { ok, status } = await fetch(`${origin}/plain-intake`, { method: 'PUT', body: Readable.toWeb(createReadStream(path, { highWaterMark: 1 << 18 })), duplex: 'half' })
    if (!ok) throw new Error(`not taken; status=${status}`)
  }
  const gone = async () => {
    for (const name of ['payload.car', 'intake.car', 'plain.bin']) await rm(join(scratch, name), { force: true })
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
  await compare({
    what: `${count} MiB in leaves of 1 MiB, sha2-256, hashed on both sides`,
    work: { bytes: payloadBytes },
    rounds: 3,
    cases: [
      { name: 'pushPayload', role: 'ours', prepare: gone, run: push },
      { name: 'send and write', role: 'floor', prepare: gone, run: send },
    ],
    wanted: [{ name: 'pushPayload', against: 'send and write', atLeast: 0.5 }],
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
  let sent = 0
  const cutPush = async (url, init) => {
    if (init.body !== undefined && (sent += init.body.byteLength) > server.sizeBytes - REST) throw new Error('cut')
    return fetch(url, init)
  }
  await push({ attempts: 1, fetch: cutPush }).catch(() => {})
  const pushed = await timed(push)
  const leaving = new AbortController()
  await retrieve({ signal: leaving.signal, onProgress: ({ doneBytes }) => { if (doneBytes > count * MIB - REST) leaving.abort() } }).catch(() => {})
  const retrieved = await timed(retrieve)
  await amounts({
    what: `Going on with ${count} MiB of which the last 8 are missing, to the end`,
    unit: 'ms',
    figures: [['pullPayload', pulled], ['pushPayload', pushed], ['retrieve, from a gateway', retrieved]].map(([name, value]) => ({ name, role: 'ours', value, atMost: 2000 })),
  })
  await mount.close()
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
