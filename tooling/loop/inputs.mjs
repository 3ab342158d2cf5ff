/** The inputs of the loop: ordinary and odd ones that must pass, and bad ones that must be refused in one sentence. */
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { carV1, carV2, catalogue, damaged, makeBlock, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'

const MiB = 1 << 20
const dagPbWithLink = (cid) => {
  // PBNode { Links: [{ Hash, Name: '', Tsize: 1 }] }, by hand: what a block with a child looks like
  const link = Buffer.concat([Buffer.from([0x0a, cid.length]), cid, Buffer.from([0x12, 0x00, 0x18, 0x01])])
  return Buffer.concat([Buffer.from([0x12, link.length]), link])
}

/** So many files of up to 199 bytes, half of them in ten folders below. */
export const makeFolder = (folder, count) => {
  const bytes = seededBytes(5, count * 200)
  for (let i = 0; i < 10; i++) mkdirSync(join(folder, `sub-${i}`), { recursive: true })
  for (let i = 0; i < count; i++) {
    writeFileSync(join(folder, i % 2 === 0 ? '.' : `sub-${i % 10}`, `file-${i}.txt`), bytes.subarray(i * 200, i * 200 + (i % 200)))
  }
}

/** Inputs that must come back identical: `{ name, path, check? }`, paths relative to the folder's parent. */
export const makeGood = (folder, { small }) => {
  const inputs = []
  const add = (name, file, content, check) => {
    const path = join(folder, file)
    if (content !== undefined) writeFileSync(path, content)
    inputs.push({ name, path, check })
    return path
  }

  for (const size of [0, 1, 126, 127, MiB, MiB + 1, 2 * MiB]) {
    const label = size % MiB === 0 && size > 0 ? `${size / MiB} MiB` : size === MiB + 1 ? '1 MiB + 1' : `${size} bytes`
    add(size === 0 ? 'an empty file' : `a file of ${label}`, `file-${size}.bin`, seededBytes(size + 11, size), (item, must) => {
      must(item.payloadCid?.startsWith('ba'), `odd root: ${item.payloadCid}`)
      must(item.input.sizeBytes === size, 'another size')
    })
  }

  const blocks = makeBlocks(7, 300, { min: 0, max: 5000 })
  const lotusBlocks = makeBlocks(8, 40, { min: 100, max: 3000, hash: 'blake2b-256' })
  add('a CARv1', 'plain.car', carV1([blocks[0].cid], blocks), (item, must) => must(item.roots.length === 1 && item.missing.length === 0, 'roots or missing'))
  add('a CARv2', 'wrapped.car', carV2({ roots: [lotusBlocks[0].cid], blocks: lotusBlocks }))
  add('a CARv2 without an index', 'indexless.car', carV2({ roots: [lotusBlocks[1].cid], blocks: lotusBlocks, index: 'none' }))
  add('a CAR with zero padding', 'padded.car', carV1([blocks[5].cid], blocks.slice(0, 90), { paddingBytes: 30_000 }), (item, must) => must(item.carSizeBytes > 30_000, 'the padding is not part of the piece'))
  add('a CAR without roots', 'rootless.car', carV1([], blocks.slice(10, 60)), (item, must) => must(item.payloadCid === null && item.roots.length === 0, 'a root from nowhere'))
  add('a CAR whose roots are null', 'null-roots.car', carV1([], blocks.slice(20, 60), { nullRoots: true }))
  add('a CAR with several roots', 'roots.car', carV1([blocks[1].cid, blocks[2].cid, blocks[3].cid], blocks.slice(0, 30)), (item, must) => must(item.roots.length === 3, 'not three roots'))
  const [child] = makeBlocks(9, 1, { min: 50, max: 50 })
  const parent = makeBlock(dagPbWithLink(child.cid), { codec: 0x70 })
  add('a CAR with missing blocks', 'missing.car', carV1([parent.cid, child.cid], [parent]), (item, must) => must(item.missing.length === 1, `missing: ${item.missing.length}`))
  add('a CAR with every kind of block', 'mixed.car', catalogue['v1-mixed']())

  const tree = join(folder, 'tree')
  mkdirSync(join(tree, 'empty'), { recursive: true })
  mkdirSync(join(tree, 'nested', 'déjà vu'), { recursive: true })
  writeFileSync(join(tree, 'a.txt'), 'a')
  writeFileSync(join(tree, 'nested', 'zwölf 🐳.txt'), seededBytes(3, 70_000))
  writeFileSync(join(tree, 'nested', 'déjà vu', 'big.bin'), seededBytes(4, 3 * MiB + 77))
  add('a directory with nested folders, an empty one, and odd names', 'tree')

  if (!small) {
    makeFolder(join(folder, 'many'), 10_000)
    add('a directory of 10,000 small files', 'many')

    const huge = join(folder, 'huge.bin')
    const file = openSync(huge, 'w')
    const block = seededBytes(6, 16 * MiB)
    for (let i = 0; i < 64; i++) { block[0] = i; writeSync(file, block) }
    closeSync(file)
    add('a file of 1 GiB', 'huge.bin')
  }
  return inputs
}

/** Inputs that must be refused: `{ name, path, expect? }`. */
export const makeBad = (folder) => {
  const inputs = []
  const add = (name, file, content, expect) => {
    const path = join(folder, file)
    if (content !== undefined) writeFileSync(path, content)
    inputs.push({ name, path, expect })
  }
  add('a file that does not exist', 'nowhere.bin', undefined)
  add('an empty CAR', 'empty.car', new Uint8Array(0))
  for (const name of ['v1-cut-in-header', 'v1-cut-in-data', 'v1-section-length-huge', 'v1-section-shorter-than-cid', 'v2-not-finalized', 'v2-data-size-past-end', 'v2-data-offset-inside-header', 'block-bit-flip']) {
    const bytes = damaged[name]
    if (bytes === undefined) throw new Error(`the fixtures have no damage ${name}`)
    add(`a CAR with damage ${name}`, `${name}.car`, bytes)
  }
  const sparse = join(folder, 'over-64-gib.car')
  writeFileSync(sparse, carV1([], []))
  truncateSync(sparse, 65 * 2 ** 30)
  inputs.push({ name: 'a piece over 64 GiB', path: sparse, expect: /64 GiB|PIECE_TOO_LARGE/ })
  return inputs
}
