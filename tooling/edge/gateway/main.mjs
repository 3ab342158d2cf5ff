/**
 * The example worker in Miniflare, over R2 and over a web server. Runs on Node 22 or later. One line of JSON for each case.
 *
 *     node main.mjs <folder with Miniflare> <bundle of the worker> <hashes.wasm> <empty folder>
 */
import { join } from 'node:path'
import { startServer } from '../server.mjs'
import { casesOf } from './cases.mjs'
import { createHarness } from './harness.mjs'
import { makeWorld } from './world.mjs'

const [installed, bundle, wasm, folder] = process.argv.slice(2)
const tell = (kind, text) => { process.stdout.write(`${JSON.stringify({ kind, text })}\n`) }

const world = await makeWorld(join(folder, 'cars'))
const objects = new Map([...Object.entries(world.cars), ['collection.idx', world.collection], ['million.idx', world.million], ['badbits.deny', Buffer.from(world.denylist)]])
const web = await startServer(objects, new Map())
try {
  const run = await createHarness({ installed, bundle, wasm, folder })
  await run({}, async ({ put }) => { for (const [key, bytes] of objects) await put(key, bytes) })
  for (const [name, work] of casesOf({ world, run, web })) {
    try {
      const more = await work()
      tell('passed', `worker: ${name}${more === undefined ? '' : `: ${more}`}`)
    } catch (error) {
      tell('failed', `worker: ${name}: ${error.stack}`)
    }
  }
} finally {
  await web.close()
}
