/** Index a CAR of tiny blocks and write the index, in memory or by a scratch file. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buildIndex, buildIndexStream } from '@dagstore/carv2'
import { openWritableFile } from '@dagstore/io/node'
import { measured } from '../../src/child.mjs'
import { virtualCar } from '../../src/virtual-car.mjs'

const write = async (path, chunks) => {
  const file = openSync(path, 'w')
  let sizeBytes = 0
  for await (const chunk of chunks) sizeBytes += writeSync(file, chunk)
  closeSync(file)
  return sizeBytes
}

const WAYS = {
  memory: async (car, path) => {
    const built = await buildIndex(car, { blocking: true })
    return { entries: built.entryCount, sizeBytes: await write(path, built.encode()) }
  },
  scratch: async (car, path) => {
    let scratch
    const built = await buildIndexStream(car, { blocking: true, scratch: async () => (scratch = await openWritableFile(`${path}.scratch`, 'new')) })
    const sizeBytes = await write(path, built.encode())
    await scratch?.close()
    await rm(`${path}.scratch`, { force: true })
    return { entries: built.entryCount, sizeBytes }
  },
}

await measured(import.meta.url, ({ way, count, scratch }) => WAYS[way](virtualCar(count), join(scratch, `${count}.idx`)))
