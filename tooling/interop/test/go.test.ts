/** Files that our packages write, read by the Go modules. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type SeededRandom, seededRandom } from '@dagstore-tooling/testkit'
import { buildIndex, wrapCar } from '@dagstore/carv2'
import { BLAKE2B_256, IDENTITY, SHA2_256 } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import { openFileSource, openWritableFile } from '@dagstore/io/node'
import type { WritableCar } from '@dagstore/writable-carv2'
import { createCarFile, extendCarFile, resumeCarFile } from '@dagstore/writable-carv2/node'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { useGo } from './go-program.ts'
import { manifest, readVector, VECTORS } from './manifest.ts'

const RAW = 0x55
const hashes = await openHashes()

const { go, at } = useGo()

interface Block { readonly cid: CID, readonly bytes: Uint8Array }

const rawBlock = (code: number, bytes: Uint8Array): Block => ({ cid: CID.createV1(RAW, decode(hashes.multihash(code, bytes))), bytes })

/** Blocks of three hash functions, empty and identity ones among them. */
const someBlocks = (random: SeededRandom, count: number): Block[] =>
  Array.from({ length: count }, (_, i) => {
    const code = random.pick([SHA2_256, SHA2_256, BLAKE2B_256, IDENTITY])
    return rawBlock(code, random.bytes(i === 3 ? 0 : random.int(code === IDENTITY ? 60 : 5000)))
  })

const putAll = async (car: WritableCar, blocks: readonly Block[]): Promise<void> => {
  for (const { cid, bytes } of blocks) await car.put(cid, bytes)
}

const distinct = (blocks: readonly Block[]): Block[] => [...new Map(blocks.map((block) => [block.cid.toString(), block])).values()]

/** A finalised CARv2 of ours; identity CIDs are sections in it. */
const writeCar = async (name: string, blocks: readonly Block[], roots: readonly CID[]): Promise<string> => {
  const car = await createCarFile(at(name), { roots, hashes })
  await putAll(car, blocks)
  await car.finalize()
  await car.close()
  return at(name)
}

/** A detached index with our trailer, beside its CAR. */
const writeIndex = async (car: string): Promise<string> => {
  const source = await openFileSource(car)
  const index = await buildIndex(source)
  await writeFile(`${car}.idx`, index.encode())
  await source.close()
  return `${car}.idx`
}

it('the committed vectors are what the Go program writes', async (context) => {
  const { vectors } = go(context)
  await vectors(at('vectors'))
  const names = await readdir(VECTORS)
  expect(await readdir(at('vectors'))).toEqual(names)
  for (const name of names) expect((await readFile(join(at('vectors'), name))).equals(readVector(name)), name).toBe(true)
})

describe('go-car reads the CARv2 files that we write', () => {
  it.for([
    { seed: 1, count: 0, roots: 1 },
    { seed: 2, count: 1, roots: 0 },
    { seed: 3, count: 40, roots: 1 },
    { seed: 4, count: 40, roots: 3 },
    { seed: 5, count: 3000, roots: 1 },
  ])('$count blocks under $roots roots, seed $seed', async ({ seed, count, roots }, context) => {
    const { readback } = go(context)
    const blocks = distinct(someBlocks(seededRandom(seed), count))
    const rootBlocks = count === 0 ? [rawBlock(SHA2_256, new Uint8Array(1))] : blocks.slice(0, roots)
    const reading = await readback('car', await writeCar(`written-${seed}.car`, blocks, rootBlocks.map(({ cid }) => cid)))
    expect(reading.message).toBe('')
    expect(reading.report).toMatchObject({
      version: 2,
      roots: rootBlocks.map(({ cid }) => cid.toString()),
      blocks: blocks.length,
      distinctCids: blocks.length,
      indexCodec: '0x0401',
      indexEntries: blocks.length,
      indexMatches: true,
      fullyIndexed: true,
    })
  })

  it('roots named at finalise', async (context) => {
    const { readback } = go(context)
    const blocks = distinct(someBlocks(seededRandom('late'), 10))
    const car = await createCarFile(at('late.car'), { hashes })
    await putAll(car, blocks)
    const { blockCount } = await car.finalize({ roots: [blocks[0]!.cid, blocks[1]!.cid] })
    await car.close()
    const reading = await readback('car', at('late.car'))
    expect(reading.message).toBe('')
    expect(reading.report).toMatchObject({ roots: [blocks[0]!.cid.toString(), blocks[1]!.cid.toString()], blocks: blockCount, indexMatches: true })
  })

  it('resumed, finalised, extended and finalised again', async (context) => {
    const { readback } = go(context)
    const blocks = distinct(someBlocks(seededRandom('resumed'), 30))
    const path = at('resumed.car')
    const roots = [blocks[0]!.cid]
    const first = await createCarFile(path, { roots, hashes })
    await putAll(first, blocks.slice(0, 10))
    await first.checkpoint()
    await first.close()
    const second = await resumeCarFile(path, { roots, hashes })
    await putAll(second, blocks.slice(10, 20))
    await second.finalize()
    await second.close()
    expect((await readback('car', path)).report).toMatchObject({ blocks: 20, indexMatches: true })
    const third = await extendCarFile(path, { hashes })
    await putAll(third, blocks.slice(20))
    await third.finalize()
    await third.close()
    const reading = await readback('car', path)
    expect(reading.message).toBe('')
    expect(reading.report).toMatchObject({ roots: roots.map(String), blocks: blocks.length, indexMatches: true })
  })

  it('a padded file of go-car, extended by us', async (context) => {
    const { readback } = go(context)
    const facts = manifest.cars.find(({ file }) => file === 'v2-padded.car')!
    const blocks = distinct(someBlocks(seededRandom('extended'), 10))
    await writeFile(at('extended.car'), readVector(facts.file))
    const car = await extendCarFile(at('extended.car'), { hashes })
    await putAll(car, blocks)
    await car.finalize()
    await car.close()
    const reading = await readback('car', at('extended.car'))
    expect(reading.message).toBe('')
    expect(reading.report).toMatchObject({ roots: facts.roots, blocks: facts.blocks.length + blocks.length, indexMatches: true })
  })

  it.for(['v1-one-root.car', 'v1-identity.car', 'v1-duplicates.car', 'v1-many.car', 'v1-null-roots.car', 'v1-zero-padded.car'])('%s wrapped', async (name, context) => {
    const { readback } = go(context)
    const facts = manifest.cars.find(({ file }) => file === name)!
    const source = await openFileSource(`${VECTORS}${name}`)
    const target = await openWritableFile(at(`wrapped-${name}`), 'new')
    await wrapCar(source, target)
    await target.close()
    await source.close()
    const reading = await readback('car', at(`wrapped-${name}`))
    expect(reading.message).toBe('')
    expect(reading.report).toMatchObject({ version: 2, roots: facts.roots ?? [], blocks: facts.blocks.length, indexEntries: facts.blocks.length, indexMatches: true })
  })
})

describe('go-car and dagstore read our detached indices', () => {
  it.for(manifest.cars.map(({ file }) => file))('of %s', async (name, context) => {
    const { readback } = go(context)
    const facts = manifest.cars.find(({ file }) => file === name)!
    const source = await openFileSource(`${VECTORS}${name}`)
    await writeFile(at(`${name}.idx`), (await buildIndex(source)).encode())
    await source.close()
    const reading = await readback('index', at(`${name}.idx`), `${VECTORS}${name}`)
    expect(reading.message).toBe('')
    expect(reading.report).toMatchObject({ codec: '0x0401', sections: facts.blocks.length, entries: facts.blocks.length, matches: true })
    expect(reading.report['identityEntries']).toBe(reading.report['identity'])
    expect(reading.report['trailing']).toBeGreaterThan(0)
  })

  it.for(manifest.cars.filter(({ blocks }) => blocks.length > 0).map(({ file }) => file))('dagstore serves %s from ours', async (name, context) => {
    const { readback } = go(context)
    const facts = manifest.cars.find(({ file }) => file === name)!
    const source = await openFileSource(`${VECTORS}${name}`)
    await writeFile(at(`served-${name}.idx`), (await buildIndex(source)).encode())
    await source.close()
    const reading = await readback('dagstore', `${VECTORS}${name}`, at(`served-${name}.idx`), 'baga6ea4seaq')
    expect(reading.message).toBe('')
    const count = new Set(facts.blocks.map(({ cid }) => cid)).size
    expect(reading.report).toMatchObject({ served: count, registered: count, iterable: true, entries: facts.blocks.length })
  })

  it('dagstore serves a CARv2 of ours from our index, seed 7', async (context) => {
    const { readback } = go(context)
    const blocks = distinct(someBlocks(seededRandom(7), 500))
    const car = await writeCar('served.car', blocks, [blocks[0]!.cid])
    const reading = await readback('dagstore', car, await writeIndex(car), 'shard')
    expect(reading.message).toBe('')
    expect(reading.report).toMatchObject({ served: blocks.length, registered: blocks.length, iterable: true, entries: blocks.length })
  })
})

describe('the Go program notices', () => {
  it('a block that is not what its CID says', async (context) => {
    const { readback } = go(context)
    expect((await readback('car', `${VECTORS}rw-resumed-over-tear.car`)).ok).toBe(false)
  })

  it('an index of another CAR', async (context) => {
    const { readback } = go(context)
    expect((await readback('index', `${VECTORS}v1-many-0401.carindex`, `${VECTORS}v1-one-root.car`)).ok).toBe(false)
    expect((await readback('dagstore', `${VECTORS}v1-one-root.car`, `${VECTORS}v1-many-0401.carindex`, 'shard')).ok).toBe(false)
  })
})

describe('go-car keeps its hands off what it cannot resume', () => {
  it('refuses an unfinalised file of ours and leaves it as it was', async (context) => {
    const { readback } = go(context)
    const blocks = distinct(someBlocks(seededRandom('open'), 10))
    const car = await createCarFile(at('open.car'), { roots: [blocks[0]!.cid], hashes })
    await putAll(car, blocks)
    await car.checkpoint()
    await car.close()
    const reading = await readback('resume', at('open.car'), blocks[0]!.cid.toString())
    expect(reading).toMatchObject({ ok: true, report: { accepted: false, unchanged: true } })
    // and it is still ours
    const again = await resumeCarFile(at('open.car'), { roots: [blocks[0]!.cid], hashes })
    for (const { cid, bytes } of blocks) expect(await again.bytes(cid)).toEqual(bytes)
    await again.discard()
  })

  it('resumes a finalised file of ours only when it is told our padding', async (context) => {
    const { readback } = go(context)
    const blocks = distinct(someBlocks(seededRandom('final'), 10))
    const root = blocks[0]!.cid.toString()
    const path = await writeCar('final.car', blocks, [blocks[0]!.cid])
    expect(await readback('resume', path, root)).toMatchObject({ ok: true, report: { accepted: false, unchanged: true } })
    const { report } = await readback('car', path)
    const padding = String(Number(report['dataOffset']) - 51)
    expect(await readback('resume', '-data-padding', padding, path, root)).toMatchObject({ ok: true, report: { accepted: true, keys: blocks.length } })
  })
})
