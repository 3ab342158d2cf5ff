/** Index a CAR of tiny blocks and write the index. */
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { buildIndex } from '@dagstore/carv2'
import { measured } from '../../src/child.mjs'
import { virtualCar } from '../../src/virtual-car.mjs'

await measured(import.meta.url, async ({ count, scratch }) => {
  const built = await buildIndex(virtualCar(count), { blocking: true })
  const file = openSync(join(scratch, `${count}.idx`), 'w')
  let sizeBytes = 0
  for (const chunk of built.encode()) sizeBytes += writeSync(file, chunk)
  return { entries: built.entryCount, sizeBytes }
})
