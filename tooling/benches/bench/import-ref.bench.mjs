import { spawnSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openHashes } from '@dagstore/hashes/node'
import { createMemoryRecords, openImports } from '@dagstore/imports'
import { nodeSourceFiles } from '@dagstore/imports/node'
import { openDirectory } from '@dagstore/io/node'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { makeLargeFile } from '../src/large-file.mjs'

export const title = 'Import a file by reference'
export const packages = ['imports', 'ref-carv2', 'unixfs-builder', 'writable-carv2']

const MIB = 1 << 20
const SHA2_256 = 0x12
const BLAKE2B_256 = 0xb220
const MIBS = { small: 64, default: 1024, large: 1024 }

export const run = async ({ compare, amounts, scratch, form }) => {
  const path = join(scratch, 'file.bin')
  const sizeBytes = MIBS[form] * MIB + 5
  makeLargeFile(path, sizeBytes)
  const hashes = await openHashes()
  const directory = await openDirectory(join(scratch, 'imports'))
  const imports = await openImports({ records: createMemoryRecords(), directory, hashes, sources: nodeSourceFiles() })
  const stored = new Map()
  const roots = new Map()
  const import_ = async (options) => {
    const { id, root, carBytes } = await imports.importPath(path, { reuse: false, ...options })
    if (options.form !== 'dense') stored.set(options.profile, carBytes)
    roots.set(options.profile, root.toString())
    await imports.remove(id)
  }
  const hashAlone = async (code) => {
    for await (const chunk of createReadStream(path, { highWaterMark: MIB })) hashes.digest(code, chunk)
  }
  // what a dense import does at least: the disk has every byte once more
  const hashAndWrite = async () => {
    const to = join(scratch, 'copy.bin')
    const file = await open(to, 'w')
    for await (const chunk of createReadStream(path, { highWaterMark: MIB })) {
      hashes.digest(SHA2_256, chunk)
      await file.write(chunk)
    }
    await file.sync()
    await file.close()
    await rm(to)
  }
  // the disk has nothing left to write of the case before
  const prepare = () => { spawnSync('sync') }
  // the same tree; its blocks are counted and go nowhere
  const theirs = async () => {
    let blocks = 0
    const sink = { put: async (cid) => { blocks++; return cid } }
    let root
    for await (const entry of importer([{ content: createReadStream(path, { highWaterMark: MIB }) }], sink, {
      cidVersion: 1, rawLeaves: true, chunker: fixedSize({ chunkSize: MIB }), layout: balanced({ maxChildrenPerNode: 1024 }), reduceSingleLeafToSelf: true,
    })) root = entry.cid.toString()
    if (root !== roots.get('unixfs-v1-2025')) throw new Error(`another root; ours=${roots.get('unixfs-v1-2025')} theirs=${root} blocks=${blocks}`)
  }
  const what = `a file of ${MIBS[form]} MiB`
  const work = { bytes: sizeBytes }
  await import_({ profile: 'unixfs-v1-2025' })
  await compare({
    what: `${what}, sha2-256; read, hashed, and a CAR synced; the importer's blocks go nowhere`,
    work,
    rounds: 3,
    cases: [
      { name: 'importPath, by reference', role: 'ours', prepare, run: () => import_({ profile: 'unixfs-v1-2025' }) },
      { name: 'read and hash alone', role: 'floor', prepare, run: () => hashAlone(SHA2_256) },
      { name: 'ipfs-unixfs-importer', role: 'peer', prepare, run: theirs },
    ],
  })
  await compare({
    what: `${what}, sha2-256; read, hashed, and all of it written to a file and synced; the importer's blocks go nowhere`,
    work,
    rounds: 3,
    cases: [
      { name: 'importPath, dense', role: 'ours', prepare, run: () => import_({ profile: 'unixfs-v1-2025', form: 'dense' }) },
      { name: 'read, hash, write and sync', role: 'floor', prepare, run: hashAndWrite },
      { name: 'read and hash alone', role: 'floor', prepare, run: () => hashAlone(SHA2_256) },
      { name: 'ipfs-unixfs-importer', role: 'peer', prepare, run: theirs },
    ],
  })
  await compare({
    what: `${what}, blake2b-256, as Lotus imports it`,
    work,
    rounds: 3,
    cases: [
      { name: 'importPath, by reference', role: 'ours', run: () => import_({ profile: 'lotus-2021' }) },
      { name: 'read and hash alone', role: 'floor', run: () => hashAlone(BLAKE2B_256) },
    ],
  })
  const bytes = (await stat(path)).size
  amounts({
    what: `Stored of ${what}`,
    unit: '% of the file',
    figures: [...stored].map(([profile, carBytes]) => ({ name: `by reference, ${profile}`, role: 'ours', value: 100 * carBytes / bytes, ...(form === 'small' ? {} : { atMost: 0.1 }) })),
  })
  await imports.close()
  await rm(path)
}
