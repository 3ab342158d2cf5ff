import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createCommP as createPlainCommP } from '@dagstore/piece'
import { commpOf, createCommP, createPieceEngine, openCommPWorkers, openNativeHasher } from '@dagstore/piece/node'
import { create } from 'fr32-sha2-256-trunc254-padded-binary-tree-multihash'
import { buildGoPeer, goCase } from '../src/go-peer.mjs'

export const title = 'commP of a payload in memory'
export const packages = ['piece']

const CHUNK_BYTES = 256 * 1024
const NATIVE = '@chainsafe/hashtree@1.0.2'

const payloadOf = (bytes) => new Uint8Array(bytes).map((_, i) => (i * 2654435761) >>> 13)
const chunksOf = (payload) => Array.from({ length: Math.ceil(payload.byteLength / CHUNK_BYTES) }, (_, i) => payload.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES))

/** URL of the native hasher, installed for this measurement alone; `undefined` where that fails. */
const installNative = (scratch) => {
  const folder = join(scratch, 'native')
  try {
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), '{}')
    execFileSync('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', NATIVE], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    return pathToFileURL(createRequire(join(folder, 'package.json')).resolve('@chainsafe/hashtree')).href
  } catch (error) {
    console.log(`without the native hasher: ${String(error.stderr ?? error.message).trim().split('\n')[0]}`)
    return undefined
  }
}

const oneThread = async (compare, scratch) => {
  const payload = payloadOf(8 * 2 ** 20 - 12345)
  const chunks = chunksOf(payload)
  const file = join(scratch, 'payload')
  writeFileSync(file, payload)
  const ours = (open) => {
    const commp = open()
    for (const chunk of chunks) commp.write(chunk)
    return commp.finish().commitment
  }
  const peer = () => {
    const hasher = create()
    for (const chunk of chunks) hasher.write(chunk)
    const multihash = new Uint8Array(hasher.multihashByteLength())
    hasher.digestInto(multihash, 0, true)
    hasher.free()
    return multihash.subarray(-32)
  }
  if (Buffer.compare(ours(createCommP), peer()) !== 0) throw new Error('commP differs from the peer')
  await compare({
    what: 'a payload just below 8 MiB, one thread (go-commp: all cores)',
    work: { bytes: payload.byteLength },
    cases: [
      { name: 'piece/node', role: 'ours', run: () => ours(createCommP) },
      { name: 'piece', role: 'ours', run: () => ours(createPlainCommP) },
      { name: 'fr32-sha2-256-trunc254-padded-binary-tree-multihash', role: 'peer', run: peer },
    ],
    measured: goCase(buildGoPeer(scratch), 'go-fil-commp-hashhash', 'commp', { n: 5 }, file),
    wanted: [{ name: 'piece/node', against: 'fr32-sha2-256-trunc254-padded-binary-tree-multihash', atLeast: 6 }],
  })
}

const moreThreads = async (compare, scratch) => {
  const payload = payloadOf(64 * 2 ** 20 - 12345)
  const chunks = chunksOf(payload)
  const want = (await commpOf(chunks)).cidV1.toString()
  const of = (options) => async () => {
    if ((await commpOf(chunks, options)).cidV1.toString() !== want) throw new Error('commP differs')
  }
  const url = installNative(scratch)
  const engine = url === undefined ? undefined : createPieceEngine({ hasher: await openNativeHasher(url) })
  const workers = openCommPWorkers({ threads: 2 })
  const nativeWorkers = url === undefined ? undefined : openCommPWorkers({ threads: 2, native: url })
  try {
    await compare({
      what: 'a payload just below 64 MiB, as a stream',
      work: { bytes: payload.byteLength },
      cases: [
        { name: 'two workers', role: 'ours', run: of({ workers }) },
        { name: 'two workers, started for it', role: 'ours', run: of({ workers: 2 }) },
        ...(engine === undefined ? [] : [
          { name: 'native hasher', role: 'ours', run: of({ engine }) },
          { name: 'native hasher, two workers', role: 'ours', run: of({ engine, workers: nativeWorkers }) },
        ]),
        { name: 'one thread', role: 'floor', run: of({}) },
      ],
      wanted: [{ name: 'two workers', against: 'one thread', atLeast: 1.4 }, ...(engine === undefined ? [] : [{ name: 'native hasher', against: 'one thread', atLeast: 2 }])],
    })
  } finally {
    await Promise.all([workers.close(), nativeWorkers?.close()])
  }
}

export const run = async ({ compare, scratch }) => {
  await oneThread(compare, scratch)
  await moreThreads(compare, scratch)
}
