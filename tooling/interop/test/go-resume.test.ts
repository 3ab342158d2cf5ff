/** Unfinished files: those of go-car taken up by ours, ours by go-car, and what neither may take. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createCrashFs, seededRandom } from '@dagstore-tooling/testkit'
import { encodeCarV1Header, readLayout, scanSections, verifyCar } from '@dagstore/carv2'
import { BLAKE2B_256, IDENTITY, SHA2_256 } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import { createBytesSource } from '@dagstore/io'
import { createWritableCar, resumeWritableCar, type WritableCar } from '@dagstore/writable-carv2'
import { createCarFile, resumeCarFile } from '@dagstore/writable-carv2/node'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'
import { describe, expect, it, type TestContext } from 'vitest'
import { useGo } from './go-program.ts'
import { manifest, readVector } from './manifest.ts'

const run = promisify(execFile)
const hashes = await openHashes()
const { go, at } = useGo()

interface Block { readonly cid: CID, readonly bytes: Uint8Array }

const random = seededRandom('resume')
const blocks: readonly Block[] = Array.from({ length: 24 }, (_, i) => {
  const code = random.pick([SHA2_256, BLAKE2B_256, IDENTITY])
  const bytes = random.bytes(1 + i + random.int(code === IDENTITY ? 30 : 3000))
  return { cid: CID.createV1(0x55, decode(hashes.multihash(code, bytes))), bytes }
})
const root = blocks[0]!.cid
const putAll = async (car: WritableCar, list: readonly Block[]): Promise<void> => {
  for (const { cid, bytes } of list) await car.put(cid, bytes)
}
const blocksIn = async (bytes: Uint8Array): Promise<Block[]> => {
  const source = createBytesSource(bytes)
  const found: Block[] = []
  for await (const { cid, data } of scanSections(source, await readLayout(source), { data: true })) found.push({ cid: CID.decode(cid), bytes: data! })
  return found
}
const inMemory = async (bytes?: Uint8Array): Promise<{ file: Awaited<ReturnType<ReturnType<typeof createCrashFs>['writableFile']>>, content(): Uint8Array }> => {
  const fs = createCrashFs({ seed: 1 })
  if (bytes !== undefined) fs.plant('car', bytes)
  return { file: await fs.writableFile('car'), content: () => fs.content('car')! }
}

describe.each(manifest.torn.filter(({ finalized }) => !finalized))('$file ($about)', (facts) => {
  it('is taken up to its last whole block, and no further', async () => {
    const { file, content } = await inMemory(readVector(facts.file))
    const resumed = await resumeWritableCar(file, { layout: 'go-car', roots: facts.roots.map((text) => CID.parse(text)), hashes }).catch((error: { code: string }) => error)
    if ('code' in resumed) {
      expect(resumed.code).toBe('WRITABLE_CAR_NOT_OURS')
      expect(facts.blocks).toEqual([])
      expect(Buffer.compare(content(), readVector(facts.file))).toBe(0)
      return
    }
    expect(resumed.blockCount).toBe(facts.blocks.length)
    expect(file.sizeBytes).toBe(facts.payloadEnd)
    for (const { cid, size } of facts.blocks) expect(await resumed.size(CID.parse(cid))).toBe(size)
    await resumed.finalize()
    await expect(verifyCar(createBytesSource(content()), hashes)).resolves.toBeDefined()
  })
})

describe('files of ours in the layout of go-car', () => {
  it('rw-resumed.car: what go-car and we make of the same unfinished file and puts is the same', async () => {
    const { file, content } = await inMemory(readVector('rw-unfinalized.car'))
    const car = await resumeWritableCar(file, { layout: 'go-car', wholeCid: true, identity: 'go-car-default', hashes })
    await putAll(car, await blocksIn(readVector('rw-resumed.car')))
    await car.finalize({ index: 'multihash-index-sorted' })
    expect(Buffer.compare(content(), readVector('rw-resumed.car'))).toBe(0)
  })

  it.each([
    { file: 'v2-written.car', options: { identity: 'go-car-default' }, finalize: {} },
    { file: 'v2-identity-stored.car', options: { identity: 'full' }, finalize: {} },
    { file: 'v2-identity-dropped.car', from: 'v2-identity-stored.car', options: { identity: 'go-car-default' }, finalize: {} },
    { file: 'v2-padded.car', options: { identity: 'go-car-default', dataPadding: 1413 }, finalize: { indexPadding: 77 } },
    { file: 'v2-no-blocks.car', options: { identity: 'go-car-default' }, finalize: {} },
  ] as const)('are, without our trailer, those of go-car byte for byte: $file', async (kind) => {
    const theirs = readVector(kind.file)
    const { roots } = await readLayout(createBytesSource(theirs))
    const { file, content } = await inMemory()
    const car = await createWritableCar(file, { layout: 'go-car', roots, wholeCid: true, hashes, ...kind.options })
    await putAll(car, await blocksIn(readVector('from' in kind ? kind.from : kind.file)))
    await car.finalize({ index: 'multihash-index-sorted', ...kind.finalize })
    expect(Buffer.compare(content(), theirs)).toBe(0)
  })

  it.each(['v1-one-root.car', 'v1-three-roots.car', 'v1-duplicates.car', 'v1-identity.car', 'v1-empty-block.car', 'v1-no-blocks.car', 'v1-many.car'])('are as a CARv1 those of go-car byte for byte: %s', async (name) => {
    const theirs = readVector(name)
    const { roots } = await readLayout(createBytesSource(theirs))
    const { file, content } = await inMemory()
    const car = await createWritableCar(file, { layout: 'carv1', roots, duplicates: 'allow', verifyPuts: false, hashes })
    await putAll(car, await blocksIn(theirs))
    await car.finalize()
    expect(Buffer.compare(content(), theirs)).toBe(0)
  })
})

describe('go-car and ours in turn', () => {
  const SOURCES = fileURLToPath(new URL('../go/', import.meta.url))
  let built: Promise<unknown> | undefined

  /** Lets go-car go on with a file. */
  const resume = async (context: TestContext, ...args: string[]): Promise<Record<string, unknown>> => {
    go(context)
    built ??= run('go', ['build', '-mod=readonly', '-o', at('resume-program'), './resume'], { cwd: SOURCES })
    await built
    return JSON.parse((await run(at('resume-program'), args)).stdout) as Record<string, unknown>
  }
  /** A CARv1 with these blocks, for go-car to put. */
  const toPut = async (name: string, list: readonly Block[]): Promise<string> => {
    const { file, content } = await inMemory()
    const car = await createWritableCar(file, { layout: 'carv1', roots: [root], hashes })
    await putAll(car, list)
    await car.finalize()
    await writeFile(at(name), content())
    return at(name)
  }

  it.for([{ layout: 'go-car', args: [] }, { layout: 'go-car', dataPadding: 333, args: ['-data-padding', '333'] }, { layout: 'carv1', args: ['-v1'] }] as const)('go on with each other\'s unfinished files: %o', async ({ args, ...layout }, context) => {
    const path = at(`turns-${args.join('')}.car`)
    const car = await createCarFile(path, { ...layout, roots: [root], hashes })
    await putAll(car, blocks.slice(0, 8))
    await car.close()
    const put = await toPut('second.car', blocks.slice(8, 16))
    expect(await resume(context, ...args, '-put', put, path, root.toString())).toMatchObject({ accepted: true, keys: 16, damaged: [] })
    const again = await resumeCarFile(path, { ...layout, roots: [root], hashes })
    expect(again.blockCount).toBe(16)
    await putAll(again, blocks.slice(14, 20))
    await again.close()
    const last = await toPut('last.car', blocks.slice(20))
    expect(await resume(context, ...args, '-put', last, '-finalize', path, root.toString())).toMatchObject({ accepted: true, keys: 24, damaged: [] })
    const report = await verifyCar(createBytesSource(new Uint8Array(await readFile(path))), hashes)
    expect(report).toBeDefined()
    expect(await blocksIn(new Uint8Array(await readFile(path)))).toEqual(blocks)
  })

  it('2.6.1: of a torn tail go-car keeps half a block; once ours has been there it is whole', async (context) => {
    const path = at('torn.car')
    const car = await createCarFile(path, { layout: 'go-car', roots: [root], hashes })
    await putAll(car, blocks.slice(0, 6))
    await car.close()
    const whole = await readFile(path)
    const { cid } = blocks[5]!
    await writeFile(path, whole.subarray(0, -1))
    await writeFile(at('theirs.car'), whole.subarray(0, -1))
    expect(await resume(context, at('theirs.car'), root.toString())).toMatchObject({ accepted: true, keys: 6, damaged: [cid.toString()] })
    await (await resumeCarFile(path, { layout: 'go-car', roots: [root], hashes })).close()
    expect(await resume(context, path, root.toString())).toMatchObject({ accepted: true, keys: 5, damaged: [] })
  })

  it('our own unfinished files go-car refuses and leaves as they are, whatever padding it is told', async (context) => {
    const path = at('ours.car')
    const car = await createCarFile(path, { roots: [root], hashes })
    await putAll(car, blocks)
    await car.close()
    const headerAt = 4096 - encodeCarV1Header([root]).byteLength
    for (const padding of [0, 13, 461, 4045]) {
      expect(await resume(context, '-data-padding', String(padding), path, root.toString()), `padding ${padding}`).toMatchObject({ accepted: false, unchanged: true })
    }
    expect(await resume(context, '-v1', path, root.toString())).toMatchObject({ accepted: false, unchanged: true })
    // told exactly where the header stands it finds a file like its own: nobody is told that by accident
    await writeFile(at('told.car'), await readFile(path))
    expect(await resume(context, '-data-padding', String(headerAt - 51), at('told.car'), root.toString())).toMatchObject({ accepted: true, keys: blocks.length, damaged: [] })
    const again = await resumeCarFile(path, { hashes })
    expect(again.blockCount).toBe(blocks.length)
    await again.close()
  })
})
