/** A folder of CARs of several kinds, and what is in it. */
import { Buffer } from 'node:buffer'
import { randomFillSync } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as dagCbor from '@ipld/dag-cbor'
import { carV1, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { createIndexBuilder, readLayout, scanSections, wrapChunks } from '@dagstore/carv2'
import { createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { collectionChunks, publish } from '../../../examples/worker/publish.mjs'

const KIB = 1024
const MIB = KIB * KIB
const LEAVES = 10_000
const NODE_LINKS = 176

const gather = async (chunks) => {
  const parts = []
  for await (const chunk of chunks) parts.push(Buffer.from(chunk))
  return new Uint8Array(Buffer.concat(parts))
}
const cidOf = (block) => CID.decode(block.cid)
const node = (value) => makeBlock(dagCbor.encode(value), { codec: dagCbor.code })

/** A list of lists of leaves, depth first. */
const manyBlocks = () => {
  const leaves = makeBlocks(7, LEAVES, { min: KIB, max: KIB })
  const groups = []
  for (let at = 0; at < LEAVES; at += NODE_LINKS) groups.push(leaves.slice(at, at + NODE_LINKS))
  const nodes = groups.map((group) => node(group.map(cidOf)))
  return [node(nodes.map(cidOf)), ...nodes.flatMap((one, i) => [one, ...groups[i]])]
}

/** Each links to the next one, with what nobody asks for between them. */
const chainBlocks = (length) => {
  const chain = [node({ end: true })]
  while (chain.length < length) chain.unshift(node({ next: cidOf(chain[0]) }))
  const between = makeBlocks(8, length, { min: 500 * KIB, max: 500 * KIB })
  return chain.flatMap((one, i) => [one, between[i]])
}

const largeBlocks = (count) => {
  const leaves = Array.from({ length: count }, (_, i) => makeBlock(new Uint8Array(MIB).fill(i + 1)))
  return [node(leaves.map(cidOf)), ...leaves]
}

export const makeWorld = async (folder) => {
  mkdirSync(join(folder, 'sub'), { recursive: true })
  const many = manyBlocks()
  const chain = chainBlocks(12)
  const large = largeBlocks(48)
  const blake = makeBlock(new TextEncoder().encode('hello blake'), { hash: 'blake2b-256' })
  const bad = makeBlock(new TextEncoder().encode('nobody shall see this'))
  const tree = node({ dir: { hello: cidOf(blake), unwanted: cidOf(bad) } })
  const write = (name, bytes) => { writeFileSync(join(folder, name), bytes) }
  const cars = {
    'chain.car': carV1([], chain, { paddingBytes: 1000 }),
    'large.car': carV1([large[0].cid], large),
    'many.car': carV1([many[0].cid], many),
    'sub/tree.car': await gather(wrapChunks(createBytesSource(carV1([tree.cid], [tree, blake, bad])))),
  }
  const moved = carV1([], [...makeBlocks(9, 1, { min: 9 * KIB, max: 9 * KIB }), ...chain])
  write('chain.car', moved)
  for (const name of ['large.car', 'many.car', 'sub/tree.car']) write(name, cars[name])
  await publish(folder)
  const movedCollection = readFileSync(join(folder, 'collection.idx'))
  write('chain.car', cars['chain.car'])
  return {
    published: await publish(folder),
    collection: readFileSync(join(folder, 'collection.idx')),
    million: await millionCollection('sub/tree.car', cars['sub/tree.car']),
    denylist: `version: 1\n---\n/ipfs/${cidOf(bad)}\n`,
    cars,
    moved: { car: moved, collection: movedCollection },
    many: many.map(cidOf),
    manyBlocks: many.map((block) => ({ cid: cidOf(block), data: block.data })),
    chain: cidOf(chain[0]),
    large: cidOf(large[0]),
    tree: cidOf(tree),
    blake: { cid: cidOf(blake), data: blake.data },
    bad: cidOf(bad),
    absent: cidOf(makeBlock(new TextEncoder().encode('nowhere'))),
  }
}

/** As `publish` makes it, of one CAR and of another one with a million blocks that nobody has. */
const millionCollection = async (key, car) => {
  const builder = createIndexBuilder()
  const source = createBytesSource(car)
  const layout = await readLayout(source)
  const sections = scanSections(source, layout)
  const base = 18 - layout.headerBytes
  let next = await sections.next()
  for (; !next.done; next = await sections.next()) builder.add({ ...next.value, sectionOffset: base + next.value.sectionOffset })
  const { payloadEnd } = next.value
  const from = 18 + payloadEnd - layout.headerBytes
  const count = 1_000_000
  const digests = randomFillSync(new Uint8Array(32 * count))
  const cid = Uint8Array.of(1, 0x55, 0x12, 0x20, ...new Uint8Array(32))
  for (let i = 0; i < count; i++) {
    cid.set(digests.subarray(32 * i, 32 * (i + 1)), 4)
    builder.add({ sectionOffset: from + i * 1061, headBytes: 38, dataBytes: 1023, cid })
  }
  const nowhereBytes = count * 1061
  const cars = [
    { key, sizeBytes: car.byteLength, from: layout.payloadStart + layout.headerBytes, to: layout.payloadStart + payloadEnd },
    { key: 'nowhere.car', sizeBytes: nowhereBytes, from: 0, to: nowhereBytes },
  ]
  return gather(collectionChunks(builder, cars, from + nowhereBytes))
}
