/** Damaged CARs: what go-car refuses, we refuse. */
import { writeFile } from 'node:fs/promises'
import { type SeededRandom, seededRandom } from '@dagstore-tooling/testkit'
import { verifyCar } from '@dagstore/carv2'
import { openHashes } from '@dagstore/hashes/node'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { useGo } from './go-program.ts'
import { readVector } from './manifest.ts'

const hashes = await openHashes()
const { go, at } = useGo()

/** Cut, or change one or two bytes, more often near both ends where headers and indices are; sometimes add to the end. */
const damage = (random: SeededRandom, good: Uint8Array): Uint8Array => {
  if (random.chance(0.25)) return good.slice(0, random.int(good.byteLength))
  const bytes = new Uint8Array([...good, ...random.bytes(random.chance(0.25) ? 1 + random.int(30) : 0)])
  for (let changes = 1 + random.int(2); changes > 0; changes--) {
    const near = random.pick([bytes.byteLength, Math.min(120, bytes.byteLength)])
    const place = random.chance(0.3) ? bytes.byteLength - 1 - random.int(Math.min(400, bytes.byteLength)) : random.int(near)
    bytes[place] = random.chance(0.5) ? random.int(256) : bytes[place]! ^ (1 << random.int(8))
  }
  return bytes
}

const files = ['v1-one-root.car', 'v1-identity.car', 'v1-zero-padded.car', 'v2-written.car', 'v2-wrapped-0400.car', 'v2-padded.car', 'v2-identity-stored.car']

describe('verifyCar', () => {
  it.for(files)('accepts no damaged %s that go-car refuses, seeds 0 to 14', async (file, context) => {
    const { readback } = go(context)
    const good = readVector(file)
    for (let seed = 0; seed < 15; seed++) {
      const bytes = damage(seededRandom(`${file} ${seed}`), good)
      await writeFile(at('damaged.car'), bytes)
      const theirs = await readback('car', at('damaged.car'))
      const ours = await verifyCar(createBytesSource(bytes), hashes).then(() => 'accepted', (error: { code?: string }) => error.code)
      if (!theirs.ok) expect(ours, `seed ${seed}: ${theirs.message}`).toMatch(/^CARV2_/)
    }
  })
})
