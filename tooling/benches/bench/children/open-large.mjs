/** Open a shard of a CAR that is made as it is read, with the index beside it, look up some blocks, again and again. */
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { openFileSource } from '@dagstore/io/node'
import { CID } from 'multiformats/cid'
import { measured } from '../../src/child.mjs'
import { cidOf, virtualCar } from '../../src/virtual-car.mjs'

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]

await measured(import.meta.url, async ({ count, path, times }) => {
  const opened = []
  const found = []
  const open = async () => openIndexMount({ data: virtualCar(count), index: await openFileSource(path) }, { verify: 'never', indexTrust: 'use' })
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    const mount = await open()
    opened.push(performance.now() - start)
    const cid = CID.decode(cidOf((i * 7_919_171) % count))
    const before = performance.now()
    if ((await mount.blockstore.bytes(cid)).byteLength !== 8) throw new Error('another block')
    found.push(performance.now() - before)
    await mount.close()
  }
  const mount = await open()
  await mount.blockstore.bytes(CID.decode(cidOf(count - 1)))
  return { openMs: median(opened), findMs: median(found), hold: () => mount.close() }
})
