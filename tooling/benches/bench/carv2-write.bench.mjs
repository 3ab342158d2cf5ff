import { spawnSync } from 'node:child_process'
import { createWriteStream, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createCarFile } from '@dagstore/writable-carv2/node'
import { CarWriter } from '@ipld/car'
import { makeBlocks } from '../src/car-files.mjs'

export const title = 'Write blocks into a CAR file'
export const packages = ['writable-carv2', 'carv2']

const COUNT = 20_000

export const run = async ({ compare, scratch }) => {
  const blocks = [...makeBlocks(1, COUNT, 1024, 4096)]
  const roots = [blocks[0].cid]
  const path = join(scratch, 'out.car')
  const ours = async (options) => {
    const car = await createCarFile(path, { roots, ...options })
    for (const { cid, bytes } of blocks) await car.put(cid, bytes)
    await car.finalize()
    await car.close()
  }
  const oursMany = async () => {
    const car = await createCarFile(path, { roots, verifyPuts: false })
    for await (const cid of car.putMany(blocks)) if (cid === undefined) throw new Error('no CID')
    await car.finalize()
    await car.close()
  }
  // the same bytes in large writes, synced: what the disk takes at least
  const floor = async () => {
    const file = await open(path, 'w')
    for (let at = 0; at < blocks.length; at += 500) await file.writev(blocks.slice(at, at + 500).flatMap(({ cid, bytes }) => [cid.bytes, bytes]))
    await file.sync()
    await file.close()
  }
  const carWriter = async () => {
    const { writer, out } = await CarWriter.create(roots)
    const written = pipeline(Readable.from(out), createWriteStream(path))
    for (const block of blocks) await writer.put(block)
    await writer.close()
    await written
  }
  // as safe on disk as ours is when finalize resolves, but for the index
  const syncedCarWriter = async () => {
    await carWriter()
    const file = await open(path, 'r+')
    await file.sync()
    await file.close()
  }
  // each case begins with a disk that has nothing left to write of the one before
  const prepare = () => {
    rmSync(path, { force: true })
    spawnSync('sync')
  }
  await compare({
    what: '20,000 blocks of 1 to 4 KiB; ours with its index and synced, CarWriter without either',
    work: { bytes: blocks.reduce((sum, { bytes }) => sum + bytes.byteLength, 0), items: COUNT },
    cases: [
      { name: 'writable-carv2', role: 'ours', prepare, run: () => ours({ verifyPuts: false }) },
      { name: 'writable-carv2, puts verified', role: 'ours', prepare, run: () => ours({}) },
      { name: 'writable-carv2 putMany', role: 'ours', prepare, run: oursMany },
      { name: 'writev and sync', role: 'floor', prepare, run: floor },
      { name: '@ipld/car CarWriter', role: 'peer', prepare, run: carWriter },
      { name: '@ipld/car CarWriter, synced', role: 'peer', prepare, run: syncedCarWriter },
    ],
    wanted: [{ name: 'writable-carv2', against: '@ipld/car CarWriter', atLeast: 5 }],
  })
}
