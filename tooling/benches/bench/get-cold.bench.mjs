import { close as closeCallback, open as openCallback, read as readCallback } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createPageCache, wrapCar } from '@dagstore/carv2'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import { openFileSource, openWritableFile } from '@dagstore/io/node'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'
import { buildGoPeer, goCase } from '../src/go-peer.mjs'

export const title = 'Get blocks of 1 to 4 KiB in random order: index pages cold and warm, go-car beside'
export const packages = ['carv2-index-mount', 'carv2']

const COUNT = 100_000
const GETS = 2000
const ROUNDS = 5

const inParallel = (width, wanted, get) => async () => {
  let at = 0
  const worker = async () => { while (at < wanted.length) await get(wanted[at++]) }
  await Promise.all(Array.from({ length: width }, worker))
}

export const run = async ({ compare, scratch }) => {
  const plain = join(scratch, 'plain.car')
  const path = join(scratch, 'in.car')
  const { blocks } = writeCarFile(plain, makeBlocks(1, COUNT, 1024, 4096))
  const [source, sink] = [await openFileSource(plain), await openWritableFile(path, 'new')]
  await wrapCar(source, sink)
  await source.close()
  await sink.close()
  const wanted = Array.from({ length: GETS }, (_, i) => blocks[(i * 7919) % COUNT])
  const file = await promisify(openCallback)(plain, 'r')
  const floor = ({ offset, length }) => new Promise((resolve, reject) => {
    readCallback(file, Buffer.allocUnsafe(length), 0, length, offset, (error) => (error ? reject(error) : resolve()))
  })
  // room for a few of some thousand pages: nearly every lookup reads and checks its pages anew
  const cold = await openCarFile(path, { pages: createPageCache({ maxBytes: 64 << 10 }) })
  const warm = await openCarFile(path)
  const go = buildGoPeer(scratch)
  for (const width of [1, 64]) {
    await compare({
      what: `sha2-256, ${width} at a time, of ${COUNT.toLocaleString('en-GB')} blocks; ours verified`,
      work: { bytes: wanted.reduce((sum, { length }) => sum + length, 0), items: GETS },
      rounds: ROUNDS,
      warmUps: 2,
      cases: [
        { name: 'mount, index pages warm', role: 'ours', run: inParallel(width, wanted, ({ cid }) => warm.blockstore.bytes(cid)) },
        { name: 'mount, index pages cold', role: 'ours', run: inParallel(width, wanted, ({ cid }) => cold.blockstore.bytes(cid)) },
        { name: 'fs.read', role: 'floor', run: inParallel(width, wanted, floor) },
      ],
      measured: goCase(go, 'go-car ReadOnly Get, not verified', 'get', { n: ROUNDS, gets: GETS, c: width }, path),
    })
  }
  await cold.close()
  await warm.close()
  await promisify((done) => { closeCallback(file, done) })()
}
