/** Files under construction: resumed and extended as they were left. */
import { makeBlock } from '@dagstore-tooling/fixtures'
import { createCrashFs, seededRandom } from '@dagstore-tooling/testkit'
import { readLayout, scanSections } from '@dagstore/carv2'
import { openHashes } from '@dagstore/hashes/node'
import { createWritableCar, extendWritableCar, resumeWritableCar } from '@dagstore/writable-carv2'
import { CID } from 'multiformats/cid'
import { blocks } from '../corpus.mjs'
import { must } from '../engine.mjs'
import { countedSource } from '../meter.mjs'
import { sealSlots } from '../seal.mjs'

const hashes = await openHashes()
const some = blocks.slice(0, 8)
const range = (from, count) => Array.from({ length: count }, (_, i) => from + i)

const make = async (name, { finish, options = {}, checkpointAfter }) => {
  const fs = createCrashFs({ seed: name })
  const car = await createWritableCar(await fs.writableFile('a.car'), { roots: [CID.decode(some[0].cid)], hashes, ...options })
  for (const [i, { cid, data }] of some.entries()) {
    await car.put(CID.decode(cid), data)
    if (i === checkpointAfter) await car.checkpoint()
  }
  if (finish) {
    await car.finalize()
    await car.close()
  } else {
    await car.discard()
  }
  return { name, options, bytes: fs.content('a.car'), hot: [...range(11, 40), ...range(64, 60), ...range(288, 60), ...range(4000, 400)] }
}

const corpus = [
  await make('one checkpoint', { finish: false, checkpointAfter: 3 }),
  await make('no checkpoint', { finish: false }),
  await make('by whole CID', { finish: false, checkpointAfter: 6, options: { wholeCid: true, identity: 'full' } }),
  await make('no roots', { finish: false, checkpointAfter: 2, options: { roots: undefined } }),
  await make('finalized', { finish: true }),
  await make('layout of go-car', { finish: false, options: { layout: 'go-car' } }),
  await make('finished layout of go-car', { finish: true, options: { layout: 'go-car', dataPadding: 600 } }),
  await make('CARv1', { finish: false, options: { layout: 'carv1' } }),
]

const added = makeBlock(seededRandom('added').bytes(50))

const reopen = async (bytes, { random, meter, item }) => {
  const fs = createCrashFs({ seed: 'reopen' })
  fs.plant('a.car', bytes)
  const file = await fs.writableFile('a.car')
  const counted = {
    get sizeBytes () { return file.sizeBytes },
    read: (at, length) => { meter.reads++; meter.readBytes += length; return file.read(at, length) },
    write: (at, data) => file.write(at, data),
    truncate: (size) => file.truncate(size),
    sync: () => file.sync(),
    close: () => file.close(),
    [Symbol.asyncDispose]: () => file.close(),
  }
  const open = random.chance(0.3) ? extendWritableCar : resumeWritableCar
  const { layout, dataPadding } = item.options
  const kept = { ...(layout === undefined ? {} : { layout }), ...(dataPadding === undefined ? {} : { dataPadding }) }
  const car = await open(counted, { hashes, ...kept, ...(random.chance(0.2) ? { roots: [CID.decode(some[1].cid)] } : {}) }).catch((error) => {
    must(Buffer.compare(fs.content('a.car'), bytes) === 0, 'refused, but changed')
    throw error
  })
  try {
    for (const { cid, data } of some) {
      if (!await car.has(CID.decode(cid))) continue
      const got = await car.bytes(CID.decode(cid)).catch((error) => { if (error.code !== 'BLOCKSTORE_HASH_MISMATCH') throw error })
      must(got === undefined || Buffer.compare(got, data) === 0, 'other bytes than those of the CID')
    }
    await car.put(CID.decode(added.cid), added.data)
    must(Buffer.compare(await car.bytes(CID.decode(added.cid)), added.data) === 0, 'what was put is not there')
    if (layout === 'carv1') await car.checkpoint()
    else await car.finalize()
    const whole = countedSource(fs.content('a.car'), 'memory', meter)
    const found = await readLayout(whole)
    let count = 0
    for await (const section of scanSections(whole, found)) { must(section.headBytes > 0, 'head'); count++ }
    must(count === car.blockCount, `blocks in the file; want=${car.blockCount} got=${count}`)
  } finally {
    await car.discard()
  }
}

export const resumeTarget = { name: 'resume', corpus, seal: sealSlots, run: reopen }
