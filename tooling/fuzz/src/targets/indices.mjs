/** Indices: opened and looked into alone, and as what a mount is given. */
import { openIndex } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { openHashes } from '@dagstore/hashes/node'
import { CID } from 'multiformats/cid'
import { cars, indices } from '../corpus.mjs'
import { faultOf, must } from '../engine.mjs'
import { countedSource, SOURCE_FORMS } from '../meter.mjs'
import { sealIndex } from '../seal.mjs'

const hashes = await openHashes()

const same = (a, b) => a.byteLength === b.byteLength && Buffer.compare(a, b) === 0

const find = async (bytes, { random, meter, item }) => {
  const view = await openIndex(countedSource(bytes, random.pick(SOURCE_FORMS), meter))
  const { facts } = view
  const max = bytes.byteLength
  must(facts.entryCount <= max, `more entries than bytes; got=${facts.entryCount}`)
  const wanted = [...Array.from({ length: 6 }, () => random.pick(item.of.blocks).multihash), Uint8Array.of(0x12, 32, ...random.bytes(32))]
  let refusal
  const guard = async (call) => {
    try {
      await call()
    } catch (error) {
      if (faultOf(error) !== undefined) throw error
      refusal = error
    }
  }
  for (const multihash of wanted) {
    await guard(async () => {
      for (const { sectionOffset, dataBytes, headBytes } of await view.find(multihash)) {
        must(Number.isSafeInteger(sectionOffset) && sectionOffset >= 0, `offset; got=${sectionOffset}`)
        must(dataBytes === undefined || (dataBytes >= 0 && dataBytes <= 0xffff_ffff), `length; got=${dataBytes}`)
        must(headBytes === undefined || (headBytes > 0 && Number.isSafeInteger(headBytes)), `head; got=${headBytes}`)
      }
    })
  }
  await guard(async () => {
    let count = 0
    for await (const { digest } of view.entries()) {
      must(digest.byteLength <= max, 'digest longer than the index')
      must(++count <= max, 'entries without end')
    }
    must(count === facts.entryCount, `entries listed; want=${facts.entryCount} got=${count}`)
  })
  await view.close()
  if (refusal !== undefined) throw refusal
}

/** Every block of the data, asked for in all ways; what comes must be true. */
const readAll = async (mount, blocks, random, { absent, sound }) => {
  let refusal
  for (const { cid: cidBytes, data } of Array.from({ length: 8 }, () => random.pick(blocks))) {
    const cid = CID.decode(cidBytes)
    try {
      const got = await mount.blockstore.bytes(cid)
      must(same(got, data), 'other bytes than those of the CID')
      if (!absent && random.chance(0.3)) must(await mount.blockstore.has(cid), 'read, but not there')
      // read off a section, which where the file is damaged may be another one than gave the bytes
      if (sound && !absent && random.chance(0.3)) must(await mount.blockstore.size(cid) === data.byteLength, 'another size')
    } catch (error) {
      if (faultOf(error) !== undefined) throw error
      must(absent || error.code !== 'BLOCKSTORE_NOT_FOUND', 'damage became absence')
      refusal = error
    }
  }
  return refusal
}

const listAll = async (mount, limit) => {
  let count = 0
  for await (const { bytes } of mount.blockstore.getAll()) {
    for await (const chunk of bytes) must(chunk.byteLength <= limit, 'block longer than the file')
    must(++count <= limit, 'blocks without end')
  }
}

const mountGiven = async (bytes, { random, meter, item }) => {
  const { payload, blocks } = item.of
  const trust = random.pick([undefined, 'verify', 'use'])
  const identity = random.chance(0.5) ? { kind: 'content', cid: 'payload', sizeBytes: payload.byteLength } : { kind: 'version', tag: 'x', sizeBytes: payload.byteLength }
  const mount = await openIndexMount({
    data: countedSource(payload, random.pick(SOURCE_FORMS), meter, identity),
    index: countedSource(bytes, random.pick(SOURCE_FORMS), meter),
  }, { hashes, wholeCid: random.chance(0.3), ...(trust === undefined ? {} : { indexTrust: trust }) })
  // one whose checksums are right was made to lie, and `use` believes it
  const absent = trust === 'use' || same(sealIndex(bytes), bytes)
  const refusal = await readAll(mount, blocks, random, { absent, sound: true })
  await mount.close()
  if (refusal !== undefined) throw refusal
}

const mountCar = async (bytes, { random, meter, item }) => {
  const mount = await openIndexMount({ data: countedSource(bytes, random.pick(SOURCE_FORMS), meter) }, { hashes, wholeCid: random.chance(0.3) })
  const refusal = await readAll(mount, item.blocks, random, { absent: true, sound: false })
  if (random.chance(0.3)) await listAll(mount, bytes.byteLength)
  await mount.close()
  if (refusal !== undefined) throw refusal
}

export const indexTarget = { name: 'index', corpus: indices, seal: sealIndex, run: find }
export const mountGivenTarget = { name: 'mount-index', corpus: indices, seal: sealIndex, run: mountGiven }
export const mountCarTarget = { name: 'mount-car', corpus: cars, run: mountCar }
