import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createHashes } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import { blake2b256 as peer } from '@multiformats/blake2/blake2b'
import { createBLAKE2b } from 'hash-wasm'
import { makeBlocks } from '../src/car-files.mjs'

export const title = 'Hash blocks, and verify them against a digest'
export const packages = ['hashes']

const SHA2_256 = 0x12
const BLAKE2B_256 = 0xb220

const check = (verdict) => { if (!verdict) throw new Error('mismatch') }

export const run = async ({ compare }) => {
  const pure = createHashes()
  const fast = await openHashes()
  const edge = createHashes({ module: new WebAssembly.Module(readFileSync(createRequire(import.meta.url).resolve('@dagstore/hashes/hashes.wasm'))) })
  const wasm = await createBLAKE2b(256)
  for (const { what, count, min, max } of [
    { what: 'blocks of 1 MiB', count: 8, min: 2 ** 20, max: 2 ** 20 },
    { what: 'blocks of 1 to 4 KiB', count: 2000, min: 1024, max: 4096 },
    { what: 'blocks of 1 KiB', count: 4000, min: 1024, max: 1024 },
    { what: 'blocks of 64 bytes', count: 20_000, min: 64, max: 64 },
  ]) {
    const blocks = [...makeBlocks(1, count, min, max)].map(({ bytes }) => bytes)
    const work = { bytes: blocks.reduce((sum, bytes) => sum + bytes.byteLength, 0), items: count }
    const each = (hash) => () => { for (const bytes of blocks) hash(bytes) }
    const verify = (hashes, code, digests) => () => { for (const [i, bytes] of blocks.entries()) check(hashes.matches(code, digests[i], bytes)) }
    const verifyAll = (hashes, code, digests) => () => { check(hashes.matchesAll(code, digests, blocks).every((verdict) => verdict)) }
    const sha = blocks.map((bytes) => fast.digest(SHA2_256, bytes))
    await compare({
      what: `verify by sha2-256, ${what}`,
      work,
      cases: [
        { name: 'hashes/node matches', role: 'ours', run: verify(fast, SHA2_256, sha) },
        { name: 'hashes/node matchesAll', role: 'ours', run: verifyAll(fast, SHA2_256, sha) },
        { name: 'hashes.wasm matches', role: 'ours', run: verify(edge, SHA2_256, sha) },
        { name: 'hashes.wasm matchesAll', role: 'ours', run: verifyAll(edge, SHA2_256, sha) },
        { name: 'hashes matches', role: 'ours', run: verify(pure, SHA2_256, sha) },
        { name: 'createHash', role: 'floor', run: each((bytes) => createHash('sha256').update(bytes).digest()) },
      ],
    })
    const blake = blocks.map((bytes) => fast.digest(BLAKE2B_256, bytes))
    await compare({
      what: `blake2b-256, ${what}`,
      work,
      cases: [
        { name: 'hashes/node', role: 'ours', run: each((bytes) => fast.digest(BLAKE2B_256, bytes)) },
        { name: 'hashes/node matches', role: 'ours', run: verify(fast, BLAKE2B_256, blake) },
        { name: 'hashes/node matchesAll', role: 'ours', run: verifyAll(fast, BLAKE2B_256, blake) },
        { name: 'hash-wasm', role: 'peer', run: each((bytes) => wasm.init().update(bytes).digest('binary')) },
        ...(max < 1024 ? [] : [
          { name: 'hashes', role: 'ours', run: each((bytes) => pure.digest(BLAKE2B_256, bytes)) },
          { name: '@multiformats/blake2', role: 'peer', run: async () => { for (const bytes of blocks) await peer.digest(bytes) } },
        ]),
      ],
      wanted: max < 1024 ? [] : [{ name: 'hashes/node', against: '@multiformats/blake2', atLeast: 10 }],
    })
  }
}
