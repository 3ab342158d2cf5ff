/** A store of the CAR files below a folder: register, again, index, get blocks by CID. Memory and descriptors are this process's. */
import { closeSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resourceUsage } from 'node:process'
import { openDagstore } from '@dagstore/node'
import { CID } from 'multiformats/cid'
import { measured } from '../../src/child.mjs'

const descriptors = () => { try { return readdirSync('/proc/self/fd').length } catch { return undefined } }

/** As files are found. */
const walk = async function * (folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield * walk(path)
    else yield path
  }
}

const items = async function * (folder) {
  for await (const path of walk(folder)) yield { key: relative(folder, path), mountUrl: pathToFileURL(path).href }
}

const readBlock = ({ path, offset, length }) => {
  const file = openSync(path, 'r')
  const bytes = Buffer.allocUnsafe(length)
  if (readSync(file, bytes, 0, length, offset) !== length) throw new Error('too short')
  closeSync(file)
}

await measured(import.meta.url, async ({ cars, folder, wanted }) => {
  let mostDescriptors = 0
  const look = () => { mostDescriptors = Math.max(mostDescriptors, descriptors() ?? 0) }
  const looking = setInterval(look, 20)
  const times = {}
  const timed = async (name, work) => {
    const start = performance.now()
    const result = await work()
    ;(times[name] ??= []).push(performance.now() - start)
    look()
    return result
  }
  const all = async (outcomes) => {
    let count = 0
    for await (const { ok, error } of outcomes) {
      if (!ok) throw error
      count++
    }
    return count
  }
  const blocks = JSON.parse(readFileSync(wanted, 'utf8')).map(({ cid, ...rest }) => ({ cid: CID.parse(cid), ...rest }))
  let store = await openDagstore(folder)
  const added = await timed('add', () => all(store.registerMany(items(cars))))
  await timed('again', () => all(store.registerMany(items(cars))))
  await timed('index', () => all(store.initializeAll()))
  const rssAfterIndex = resourceUsage().maxRSS / 1024
  await store.close()
  store = await timed('start', () => openDagstore(folder))
  for (let round = 0; round < 3; round++) {
    await timed('get', async () => { for (const { cid, length } of blocks) if ((await store.blockstore.bytes(cid)).byteLength !== length) throw new Error('another block') })
    await timed('read', async () => { for (const block of blocks) readBlock(block) })
  }
  clearInterval(looking)
  await store.close()
  return { added, times, rssAfterIndexMiB: rssAfterIndex, maxRssMiB: resourceUsage().maxRSS / 1024, descriptors: mostDescriptors === 0 ? undefined : mostDescriptors }
})
