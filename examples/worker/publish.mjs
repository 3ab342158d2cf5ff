/**
 * Prepares a folder of CARs for the worker: writes `collection.idx`, by which it finds their blocks. The CARs stay as they are.
 *
 *     node publish.mjs FOLDER [FILE]     FILE: default FOLDER/collection.idx
 *
 * Upload the CARs first, under their names relative to FOLDER, and the file last. What it consists of: src/collection.ts.
 */
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, relative, sep } from 'node:path'
import { createIndexStreamBuilder, encodeCarV1Header, readLayout, scanSections } from '@dagstore/carv2'
import { createHashes } from '@dagstore/hashes'
import { openFileSource, openWritableFile } from '@dagstore/io/node'

const HEADER = encodeCarV1Header([])
const SHA2_256 = 0x12

const carsIn = async (folder) => (await readdir(folder, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && entry.name.endsWith('.car')).map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort()

/** Adds the sections of a CAR as if they began at `base`. Where they lie in the file. */
const addCar = async (builder, path, base) => {
  const source = await openFileSource(path)
  try {
    const layout = await readLayout(source, { badIndex: 'report' })
    const sections = scanSections(source, layout)
    let next = await sections.next()
    for (; !next.done; next = await sections.next()) {
      const { sectionOffset, headBytes, dataBytes, cid } = next.value
      const room = builder.add({ sectionOffset: base + sectionOffset - layout.headerBytes, headBytes, dataBytes, cid })
      if (room !== undefined) await room
    }
    return { sizeBytes: source.sizeBytes, from: layout.payloadStart + layout.headerBytes, to: layout.payloadStart + next.value.payloadEnd }
  } finally {
    await source.close()
  }
}

/** The file, in chunks. @param builder - of all sections. @param end - of the last one */
export const collectionChunks = async function * (builder, cars, end) {
  const list = new TextEncoder().encode(JSON.stringify({ version: 1, cars }))
  const tag = Buffer.from(createHashes().digest(SHA2_256, list)).toString('hex')
  const index = await builder.finish({ payloadStart: 0, payloadEnd: end, carV1Header: HEADER, source: { kind: 'version', tag, sizeBytes: end } })
  yield * index.encode()
  const length = Buffer.alloc(4)
  length.writeUInt32LE(list.byteLength)
  yield Buffer.concat([list, length, Buffer.from('dagcars1')])
}

/** @returns how many CARs and blocks there are, and how long the file is */
export const publish = async (folder, file = join(folder, 'collection.idx')) => {
  const scratchFolder = await mkdtemp(join(tmpdir(), 'publish-'))
  const draft = `${file}.draft`
  await rm(draft, { force: true })
  const out = await openWritableFile(draft, 'new')
  let scratch
  try {
    const builder = createIndexStreamBuilder({ scratch: async () => scratch = await openWritableFile(join(scratchFolder, 'scratch'), 'new') })
    const cars = []
    let end = HEADER.byteLength
    for (const path of await carsIn(folder)) {
      const key = relative(folder, path).split(sep).join('/')
      const place = await addCar(builder, path, end).catch((cause) => { throw new Error(`${key}: ${cause.message}`, { cause }) })
      cars.push({ key, ...place })
      end += place.to - place.from
    }
    for await (const chunk of collectionChunks(builder, cars, end)) await out.write(out.sizeBytes, chunk)
    await out.sync()
    await rename(draft, file)
    return { cars: cars.length, blocks: builder.entryCount, sizeBytes: out.sizeBytes }
  } finally {
    await out.close()
    await scratch?.close()
    await rm(draft, { force: true })
    await rm(scratchFolder, { recursive: true })
  }
}

if (basename(process.argv[1] ?? '') === 'publish.mjs') {
  const [folder, file] = process.argv.slice(2)
  if (folder === undefined) {
    process.stderr.write('usage: node publish.mjs FOLDER [FILE]\n')
    process.exitCode = 2
  } else {
    const { cars, blocks, sizeBytes } = await publish(folder, file)
    process.stdout.write(`${cars} CARs, ${blocks} blocks; ${file ?? join(folder, 'collection.idx')} has ${sizeBytes} bytes\n`)
  }
}
