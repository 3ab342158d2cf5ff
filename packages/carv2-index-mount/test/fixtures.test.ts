/** CARs of other implementations: every block is readable, with the index they bring and with one of ours. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sharedFixtures } from '@dagstore-tooling/fixtures'
import { openHashes } from '@dagstore/hashes/node'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { openIndexMount } from '../src/index.ts'
import { all, mountBytes } from './cars.ts'

const fixtures = sharedFixtures()
const hashes = await openHashes()
const file = (name: string): Uint8Array => new Uint8Array(readFileSync(join(fixtures ?? '', name)))

describe.skipIf(fixtures === undefined)('files of go-car, Lotus and the specification (in shared fixtures beside the checkout)', () => {
  it.each([
    { name: 'go-car/sample-v1.car', blocks: 1049, origin: 'built' },
    { name: 'go-car/sample-v1-noidentity.car', blocks: 1043, origin: 'built' },
    { name: 'go-car/sample-v1-with-zero-len-section.car', blocks: 1049, origin: 'built' },
    { name: 'go-car/sample-v1-with-zero-len-section2.car', blocks: 20, origin: 'built' },
    { name: 'go-car/sample-wrapped-v2.car', blocks: 1049, origin: 'attached' },
    { name: 'go-car/sample-v2-indexless.car', blocks: 1049, origin: 'built' },
    { name: 'go-car/sample-rw-bs-v2.car', blocks: 3, origin: 'attached' },
    { name: 'go-car/lotus-sample-rw-bs-v2.car', blocks: 3, origin: 'attached' },
    { name: 'go-car/sample-unixfs-v2.car', blocks: 3, origin: 'attached' },
    { name: 'ipld-spec/carv1-basic.car', blocks: 8, origin: 'built' },
    // its index is of a form before the standard
    { name: 'ipld-spec/carv2-basic.car', blocks: 5, origin: 'built' },
  ])('$name: $blocks blocks', async ({ name, blocks, origin }) => {
    const bytes = file(name)
    for (const indexTrust of [undefined, 'verify', 'regenerate'] as const) {
      const mount = await mountBytes(bytes, { indexTrust, hashes })
      expect(mount.indexOrigin).toBe(indexTrust === 'regenerate' ? 'built' : origin)
      const pairs = await all(mount.blockstore.getAll())
      expect(pairs).toHaveLength(blocks)
      const held = new Map<string, Uint8Array>()
      for (const { cid, bytes } of pairs) held.set(cid.toString(), (await all(bytes))[0]!)
      let same = 0
      for await (const { cid, bytes } of mount.blockstore.getMany(pairs.map(({ cid }) => cid))) {
        const expected = held.get(cid.toString())!
        if (Buffer.compare((await all(bytes))[0]!, expected) === 0 && Buffer.compare(await mount.blockstore.bytes(cid), expected) === 0) same++
      }
      expect(same).toBe(blocks)
      expect(mount.indexOrigin).toBe(indexTrust === 'regenerate' ? 'built' : origin)
    }
  })

  it.each(['sample-index.carindex', 'sample-multihash-index-sorted.carindex'])('sample-v1.car with %s beside it', async (index) => {
    const mount = await openIndexMount({ data: createBytesSource(file('go-car/sample-v1.car')), index: createBytesSource(file(`go-car/${index}`)) })
    const pairs = await all(mount.blockstore.getAll())
    for (const { cid } of pairs) expect(await mount.blockstore.has(cid)).toBe(true)
    expect(mount.indexOrigin).toBe('given')
  })

  it.each([
    ['go-car/sample-v1-tailing-corrupt-section.car', 'CARV2_TRUNCATED'],
    ['go-car/sample-rootless-v42.car', 'CARV2_BAD_VERSION'],
    ['go-car/sample-corrupt-pragma.car', 'CARV2_TRUNCATED'],
    ['go-car/sample-v2-corrupt-data-and-index.car', 'CARV2_BAD_HEADER'],
  ])('%s is refused as %s', async (name, code) => {
    await expect(mountBytes(file(name))).rejects.toMatchObject({ code })
  })
})
