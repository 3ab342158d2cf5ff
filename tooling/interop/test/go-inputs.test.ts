/** Commitments, UnixFS roots and payload forms of inputs made here, computed by the Go modules too. */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '@dagstore-tooling/testkit'
import { payloadForm } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import { openImports } from '@dagstore/imports'
import { openDirectory, openTree } from '@dagstore/io/node'
import { createCommP } from '@dagstore/piece/node'
import { buildFile, buildTree, type Profile } from '@dagstore/unixfs-builder'
import { createCarFile } from '@dagstore/writable-carv2/node'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { useGo } from './go-program.ts'
import { VECTORS } from './manifest.ts'

const hashes = await openHashes()
const { go, at } = useGo()

describe('the Filecoin modules and boxo compute what we compute', () => {
  it.for(Array.from({ length: 12 }, (_, seed) => ({ seed })))('commP of random bytes, seed $seed', async ({ seed }, context) => {
    const { readback } = go(context)
    const random = seededRandom(`commp ${seed}`)
    const bytes = random.bytes(127 + random.int(2 ** (8 + seed)))
    const commP = createCommP()
    for (let from = 0; from < bytes.byteLength;) {
      const to = from + 1 + random.int(100_000)
      commP.write(bytes.subarray(from, to))
      from = to
    }
    const piece = commP.finish()
    await writeFile(at('payload'), bytes)
    const reading = await readback('commp', at('payload'))
    expect(reading.report).toEqual({
      payloadSize: piece.payloadBytes,
      paddedSize: piece.paddedBytes,
      v1: piece.cidV1.toString(),
      v2: piece.cidV2.toString(),
    })
  })

  const profiles: readonly Profile[] = ['lotus-2021', 'unixfs-v1-2025', 'unixfs-v0-2015']

  it.for(profiles.flatMap((profile) => [0, 1, 2, 3].map((seed) => ({ profile, seed }))))('root of a random file under $profile, seed $seed', async ({ profile, seed }, context) => {
    const { readback } = go(context)
    const random = seededRandom(`unixfs ${seed}`)
    const bytes = random.bytes(random.pick([random.int(300), random.int(1 << 20), (1 << 20) + random.int(300), random.int(4 << 20)]))
    const file = await buildFile([bytes], { put: () => {} }, { profile, hashes })
    await writeFile(at('content'), bytes)
    const reading = await readback('unixfs', '-profile', profile, at('content'))
    expect(reading.report).toMatchObject({ root: file.cid.toString(), cumulative: file.dagBytes })
  })

  it.for(profiles)('root of this folder of sources under %s', async (profile, context) => {
    const { readback } = go(context)
    const sources = join(VECTORS, '..', 'go')
    const tree = await buildTree(await openTree(sources), { put: () => {} }, { profile, hashes })
    const reading = await readback('unixfs', '-profile', profile, sources)
    expect(reading.report).toMatchObject({ root: tree.cid.toString(), cumulative: tree.dagBytes })
  })

  it.for(profiles)('the payload form of this folder of sources under %s, read from a CAR of ours', async (profile, context) => {
    const { readback } = go(context)
    const path = at(`payload-${profile}.car`)
    const car = await createCarFile(path, { hashes })
    const { cid } = await buildTree(await openTree(join(VECTORS, '..', 'go')), car, { profile, hashes })
    await car.finalize({ roots: [cid] })
    const sha256 = createHash('sha256')
    const commP = createCommP()
    for await (const chunk of payloadForm(car, cid, { hashes })) {
      sha256.update(chunk)
      commP.write(chunk)
    }
    await car.close()
    const piece = commP.finish()
    const reading = await readback('payload', path, cid.toString())
    expect(reading.report).toMatchObject({
      bytes: piece.payloadBytes,
      sha256: sha256.digest('hex'),
      piece: { paddedSize: piece.paddedBytes, v1: piece.cidV1.toString(), v2: piece.cidV2.toString() },
    })
  })

  it.for(profiles)('the CAR of an import of this folder under %s', async (profile, context) => {
    const { readback } = go(context)
    const sources = join(VECTORS, '..', 'go')
    const directory = openDirectory(at(`imports-${profile}`))
    const imports = await openImports({ db: new MemoryLevel(), directory, hashes })
    const record = await imports.importTree(await openTree(sources), { sourceLabel: 'sources', profile })
    const car = join(at(`imports-${profile}`), record.carPath)
    const root = record.root.toString()
    expect((await readback('unixfs', '-profile', profile, sources)).report).toMatchObject({ root })
    const reading = await readback('car', car)
    expect(reading.message).toBe('')
    expect(reading.report).toMatchObject({ roots: [root], blocks: record.blocks, indexEntries: record.blocks, indexMatches: true })
    expect((await readback('payload', car, root)).ok).toBe(true)
  })
})
