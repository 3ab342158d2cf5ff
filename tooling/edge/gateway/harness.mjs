/** A worker in Miniflare, and what is asked of it. */
import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readLayout, scanSections } from '@dagstore/carv2'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'

const hashes = createHashes()

export const check = (condition, what) => { if (!condition) throw new Error(what) }
export const equal = (got, want, what) => { check(JSON.stringify(got) === JSON.stringify(want), `${what}: want ${JSON.stringify(want)} got ${JSON.stringify(got)}`) }
export const sameBytes = (got, want, what) => { check(Buffer.compare(got, want) === 0, `${what}: other bytes`) }
export const bytesOf = async (response) => new Uint8Array(await response.arrayBuffer())

/** The CIDs in a CAR, each block verified. */
export const cidsIn = async (response) => {
  equal(response.status, 200, 'status of a CAR')
  const source = createBytesSource(await bytesOf(response))
  const cids = []
  for await (const { cid } of scanSections(source, await readLayout(source), { hashes })) cids.push(CID.decode(cid).toString())
  return cids
}

/** Whether the body of a CAR ends so that nobody takes it for whole: broken off, or inside of a section. @param onChunk - awaited */
export const isUnclean = async (response, onChunk = () => {}) => {
  const chunks = []
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk)
      await onChunk(chunk)
    }
  } catch {
    return true
  }
  const source = createBytesSource(new Uint8Array(Buffer.concat(chunks)))
  try {
    for await (const _ of scanSections(source, await readLayout(source), { hashes }));
    return false
  } catch (error) {
    return error.code === 'CARV2_TRUNCATED'
  }
}

/** @returns starts workers that have read nothing yet, and ends them when `work` has */
export const createHarness = async ({ installed, bundle, wasm, folder }) => {
  const { Miniflare } = await import(pathToFileURL(createRequire(join(installed, 'package.json')).resolve('miniflare')).href)
  const modules = [
    { type: 'ESModule', path: 'worker.mjs', contents: readFileSync(bundle, 'utf8') },
    { type: 'CompiledWasm', path: 'hashes.wasm', contents: readFileSync(wasm) },
  ]
  return async (bindings, work, more = { r2Buckets: ['BUCKET'] }) => {
    const miniflare = new Miniflare({ modules, compatibilityDate: '2026-01-01', r2Persist: join(folder, 'r2'), bindings, ...more })
    try {
      const base = await miniflare.ready
      return await work({
        get: (path, init) => fetch(new URL(path, base), init),
        /** Keys, since the last call. */
        reads: async () => (await fetch(new URL('/reads', base))).json(),
        put: async (key, bytes) => { await (await miniflare.getR2Bucket('BUCKET')).put(key, bytes) },
      })
    } finally {
      await miniflare.dispose()
    }
  }
}
