/** Sound inputs to damage, with the places where lengths and offsets stand in them. */
import { carV1, carV2, catalogue, entriesOf, goCarFuzz, indexBytes, makeBlocks, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { buildIndex, wrapChunks } from '@dagstore/carv2'
import { createBytesSource } from '@dagstore/io'

/** All of a few chunks as one array. */
export const joined = async (chunks) => {
  const parts = []
  for await (const chunk of chunks) parts.push(chunk.slice())
  return new Uint8Array(Buffer.concat(parts))
}

export const blocks = mixedBlocks(11)
export const roots = [blocks[0].cid, blocks[6].cid]
/** Some index pages. */
export const manyBlocks = makeBlocks(12, 300, { min: 0, max: 12 })
export const manyRoots = [manyBlocks[0].cid]

const range = (from, count) => Array.from({ length: count }, (_, i) => from + i)

/** Header length, and the length and head of each section. */
export const carV1Hot = (carRoots, carBlocks, at = 0) =>
  [...range(at, 4), ...placedBlocks(carRoots, carBlocks).flatMap(({ sectionOffset, headBytes }) => range(at + sectionOffset, Math.min(headBytes, 8)))]

export const carV2Hot = (carRoots, carBlocks, dataOffset, indexOffset) =>
  [...range(11, 40), ...carV1Hot(carRoots, carBlocks, dataOffset), ...range(indexOffset, 40)]

const wrapped = async (bytes, options) => joined(wrapChunks(createBytesSource(bytes), options))

const v1 = carV1(roots, blocks)
const manyV1 = carV1(manyRoots, manyBlocks)

/** CAR files of both versions: padded, without index, with standard indices and with our trailer. */
export const cars = [
  { name: 'v1', bytes: v1, hot: carV1Hot(roots, blocks) },
  { name: 'v1 padded', bytes: carV1(roots, blocks, { paddingBytes: 700 }), hot: carV1Hot(roots, blocks) },
  { name: 'v1 null roots', bytes: catalogue['v1-null-roots'](), hot: range(0, 40) },
  { name: 'v1 many', bytes: manyV1, hot: carV1Hot(manyRoots, manyBlocks) },
  { name: 'v1 tiny', bytes: carV1([blocks[0].cid], [blocks[0]]), hot: range(0, 110) },
  ...[0x0400, 0x0401].map((index) => ({
    name: `v2 ${index.toString(16)}`,
    bytes: carV2({ roots, blocks, index, dataPadding: 20, indexPadding: 9, payloadPadding: 33 }),
    hot: carV2Hot(roots, blocks, 71, 71 + v1.byteLength + 33 + 9),
  })),
  { name: 'v2 without index', bytes: carV2({ roots, blocks, index: 'none' }), hot: carV2Hot(roots, blocks, 51, 51) },
  { name: 'v2 trailer', bytes: await wrapped(v1), hot: carV2Hot(roots, blocks, 51, 51 + v1.byteLength) },
  ...Object.entries(goCarFuzz).map(([name, bytes]) => ({ name: `go-car ${name}`, bytes, hot: range(0, 120) })),
].map((item) => ({ ...item, blocks: item.name === 'v1 many' ? manyBlocks : blocks }))

const indexHot = (bytes, entryCount) => [...range(0, 60), ...range(bytes.byteLength - 4096, 120), ...range(bytes.byteLength - 12, 12), ...range(bytes.byteLength - 4160, 64), ...range(Math.floor(bytes.byteLength / 2), entryCount)].filter((at) => at >= 0 && at < bytes.byteLength)

const ownIndex = async (bytes) => {
  const source = createBytesSource(bytes, { identity: { kind: 'content', cid: 'payload', sizeBytes: bytes.byteLength } })
  return joined((await buildIndex(source)).encode())
}

/** `payload`: the CARv1 that it is of, and the blocks in it. */
const small = { payload: v1, blocks, roots }
const many = { payload: manyV1, blocks: manyBlocks, roots: manyRoots }
const tiny = { payload: carV1([blocks[0].cid], [blocks[0]]), blocks: [blocks[0]], roots: [blocks[0].cid] }

const indexItem = (name, bytes, of) => ({ name, bytes, hot: indexHot(bytes, of.blocks.length), of })

/** Detached indices, with and without our trailer. */
export const indices = [
  indexItem('0401', indexBytes(0x0401, entriesOf(placedBlocks(roots, blocks))), small),
  indexItem('0400', indexBytes(0x0400, entriesOf(placedBlocks(roots, blocks))), small),
  indexItem('0401 many', indexBytes(0x0401, entriesOf(placedBlocks(manyRoots, manyBlocks))), many),
  indexItem('0401 without identity', indexBytes(0x0401, entriesOf(placedBlocks(roots, blocks), { identityCids: 'excluded' })), small),
  indexItem('trailer', await ownIndex(v1), small),
  indexItem('trailer many', await ownIndex(manyV1), many),
  indexItem('trailer tiny', await ownIndex(tiny.payload), tiny),
]
