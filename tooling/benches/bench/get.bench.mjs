import { mkdirSync, open as openCallback, read as readCallback } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import { openHashes } from '@dagstore/hashes/node'
import { FsBlockstore } from 'blockstore-fs'
import { LevelBlockstore } from 'blockstore-level'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'

export const title = 'Get blocks of 1 to 4 KiB in random order, index pages warm'
export const packages = ['carv2-index-mount', 'carv2']

const COUNT = 20_000
const GETS = 2000
/** So often each block in one run, many at a time: memory given away brings a collection of garbage every few passes, which a run of one pass has or has not. */
const PASSES = 5

const passes = (width) => width === 1 ? 1 : PASSES

/** Every block once, in an order that jumps about. */
const scattered = (blocks) => Array.from({ length: GETS }, (_, i) => blocks[(i * 7919) % blocks.length])

const inParallel = (width, wanted, get) => async () => {
  const count = wanted.length * passes(width)
  let at = 0
  const worker = async () => { while (at < count) await get(wanted[at++ % wanted.length]) }
  await Promise.all(Array.from({ length: width }, worker))
}

const drain = async (stream) => { for await (const chunk of stream) if (chunk === undefined) throw new Error('nothing') }

export const run = async ({ compare, scratch }) => {
  const hashes = await openHashes()
  for (const { hash, code } of [{ hash: 'sha2-256', code: 0x12 }, { hash: 'blake2b-256', code: 0xb220 }]) {
    const path = join(scratch, `${hash}.car`)
    const options = { code, hash: (bytes) => hashes.digest(code, bytes) }
    const { blocks } = writeCarFile(path, makeBlocks(1, COUNT, 1024, 4096, options))
    const wanted = scattered(blocks)
    const bytes = wanted.reduce((sum, { length }) => sum + length, 0)
    const file = await promisify(openCallback)(path, 'r')
    const floor = ({ offset, length }) => new Promise((resolve, reject) => readCallback(file, Buffer.allocUnsafe(length), 0, length, offset, (error) => (error ? reject(error) : resolve())))
    const checked = await openCarFile(path)
    const unchecked = await openCarFile(path, { verify: 'never' })
    const stores = hash === 'sha2-256' ? await openStores(scratch, makeBlocks(1, COUNT, 1024, 4096, options)) : undefined
    for (const width of [1, 64]) {
      const cases = [
        { name: 'mount, verified', role: 'ours', run: inParallel(width, wanted, ({ cid }) => checked.blockstore.bytes(cid)) },
        ...(hash === 'sha2-256' ? [{ name: 'mount, not verified', role: 'ours', run: inParallel(width, wanted, ({ cid }) => unchecked.blockstore.bytes(cid)) }] : []),
        { name: 'fs.read', role: 'floor', run: inParallel(width, wanted, floor) },
        ...(stores ?? []).map(({ name, store }) => ({ name, role: 'peer', run: inParallel(width, wanted, ({ cid }) => drain(store.get(cid))) })),
      ]
      const atLeast = hash === 'sha2-256' ? 0.6 : 0.4
      await compare({
        what: `${hash}, ${width} at a time`,
        work: { bytes: bytes * passes(width), items: GETS * passes(width) },
        warmUps: width === 1 ? 2 : 1,
        rounds: 9,
        cases,
        wanted: [
          { name: 'mount, verified', against: 'fs.read', atLeast },
          { name: 'mount, not verified', against: 'fs.read', atLeast: 0.6 },
          ...['blockstore-fs', 'blockstore-level'].map((against) => ({ name: 'mount, verified', against, atLeast: 1.5 })),
        ],
      })
    }
    for (const { store } of stores ?? []) await store.close()
    await checked.close()
    await unchecked.close()
  }
}

const openStores = async (scratch, blocks) => {
  mkdirSync(join(scratch, 'fs'))
  const stores = [
    { name: 'blockstore-fs', store: new FsBlockstore(join(scratch, 'fs')) },
    { name: 'blockstore-level', store: new LevelBlockstore(join(scratch, 'level')) },
  ]
  for (const { store } of stores) await store.open()
  for (const block of blocks) for (const { store } of stores) await store.put(block.cid, block.bytes)
  return stores
}
