/** CARs of references, ours and those of go-fil-markets, read by each other. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openHashes } from '@dagstore/hashes/node'
import { createMemoryRecords, decodeLotusImport, openImports } from '@dagstore/imports'
import { nodeSourceFiles } from '@dagstore/imports/node'
import { openDirectory, openFileSource, openTree, openWritableFile } from '@dagstore/io/node'
import { createRefCar, openRefCar } from '@dagstore/ref-carv2'
import { nodeReferencedFiles } from '@dagstore/ref-carv2/node'
import { buildTree } from '@dagstore/unixfs-builder'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { exporter } from 'ipfs-unixfs-exporter'
import { describe, expect, it } from 'vitest'
import { useBuiltGo } from './built-go.ts'

const run = promisify(execFile)
const { programs, at } = useBuiltGo({
  sources: fileURLToPath(new URL('../markets/', import.meta.url)),
  packages: ['./refcar'],
  programs: (binary) => async (...args: string[]): Promise<Record<string, unknown>> => JSON.parse((await run(binary('refcar'), args)).stdout) as Record<string, unknown>,
})
const hashes = await openHashes()
const MIB = 1 << 20

const sourceOf = async (size: number): Promise<{ readonly source: string, readonly content: Uint8Array, readonly sha256: string }> => {
  await mkdir(at('in a folder'), { recursive: true })
  const source = at(`in a folder/é ${size}`)
  const content = seededBytes(size, size)
  await writeFile(source, content)
  return { source, content, sha256: createHash('sha256').update(content).digest('hex') }
}

// of 127 bytes on there is a leaf that is no identity CID; 1 MiB and less is one leaf; then one node, or two with an inlined root
describe.each([127, MIB, MIB + 60, 2 * MIB + 5, 5 * MIB + 126])('a file of %i bytes', (size) => {
  it('is had back by go-fil-markets from our references', async (context) => {
    const go = programs(context)
    const { source, sha256 } = await sourceOf(size)
    const file = await openWritableFile(at(`ours-${size}.car`), 'new')
    const writer = await createRefCar(file, { hashes, pathOf: () => source })
    const { cid } = await buildTree(await openTree(source), writer, { hashes })
    await writer.finalize([cid])
    await file.close()
    expect(await go('read', at(`ours-${size}.car`), cid.toString())).toEqual({ bytes: size, sha256 })
  })
  it('is had back by us from references of go-fil-markets', async (context) => {
    const go = programs(context)
    const { source, content } = await sourceOf(size)
    const { root } = await go('write', at(`theirs-${size}.car`), source)
    const { cid } = await buildTree(await openTree(source), { put () {} }, { hashes })
    expect(root).toBe(cid.toString())
    await using car = await openRefCar(await openFileSource(at(`theirs-${size}.car`)), { hashes, files: nodeReferencedFiles({ allow: [source] }) })
    expect(car.roots.map(String)).toEqual([root])
    const dialects = new Set<string>()
    for await (const { dialect } of car.references()) dialects.add(dialect)
    expect([...dialects]).toEqual(['sha2-keys'])
    const found: Uint8Array[] = []
    const entry = await exporter(cid, car.blockstore)
    if (entry.type === 'object' || entry.type === 'directory') throw new Error('no file')
    for await (const chunk of entry.content()) found.push(chunk)
    expect(Buffer.compare(Buffer.concat(found), content)).toBe(0)
    expect(await car.check({ depth: 'full' })).toMatchObject({ faultCount: 0, files: 1 })
  })
  it('of go-fil-markets is taken over from a folder of Lotus in place, and imported again as one that go-fil-markets reads', async (context) => {
    const go = programs(context)
    const { source, sha256 } = await sourceOf(size)
    const theirs = at(`lotus-${size}/imports/1629158400000000001.car`)
    await mkdir(at(`lotus-${size}/imports`), { recursive: true })
    const { root } = await go('write', theirs, source)
    const before = await readFile(theirs)
    const folder = openDirectory(at(`imports-${size}`))
    await using imports = await openImports({ records: createMemoryRecords(), directory: folder, hashes, sources: nodeSourceFiles() })
    const record = JSON.stringify({ Labels: { car_owner: 'importmgr', car_path: theirs, filename: source, root, source: 'import' } })
    for await (const adopted of imports.adopt([decodeLotusImport(1_629_158_400_000_000_001n, record)], { importsFolder: at(`lotus-${size}/imports`) })) {
      expect(adopted).toMatchObject({ outcome: 'adopted', fault: undefined, record: { form: 'ref', carOwner: 'user', carPath: theirs } })
    }
    expect(await imports.verify(1_629_158_400_000_000_001n)).toMatchObject({ faultCount: 0, files: 1 })
    const again = await imports.reimport(1_629_158_400_000_000_001n)
    expect(again.root.toString()).toBe(root)
    expect(await go('read', at(`imports-${size}/${again.carPath}`), again.root.toString())).toEqual({ bytes: size, sha256 })
    expect(Buffer.compare(await readFile(theirs), before)).toBe(0)
  })
})
