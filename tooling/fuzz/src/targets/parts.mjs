/** What is parsed in one piece: headers, CIDs, links, sectors and their lists. */
import { createHash } from 'node:crypto'
import { plainRlePlus, sectorFile } from '@dagstore-tooling/fixtures'
import { decodeCarV1Header, encodeCarV1Header, parseCid } from '@dagstore/carv2'
import { linksOf } from '@dagstore/dag'
import { createCommP, parsePieceCid, pieceCidV1, pieceCidV2, resumeCommP } from '@dagstore/piece'
import { decodeRlePlus, encodeRlePlus, openSector } from '@dagstore/unsealed-sector'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import { blocks } from '../corpus.mjs'
import { must } from '../engine.mjs'
import { countedSource, SOURCE_FORMS } from '../meter.mjs'

const same = (a, b) => Buffer.compare(a, b) === 0
const cids = blocks.map(({ cid }) => CID.decode(cid))
const range = (from, count) => Array.from({ length: count }, (_, i) => from + i)

/** Without its length varint. */
const headerBody = (roots) => {
  const bytes = encodeCarV1Header(roots)
  return bytes.subarray(bytes[0] >= 128 ? 2 : 1)
}

const header = (bytes) => {
  const { version, roots } = decodeCarV1Header(bytes)
  if (version === 1) must(decodeCarV1Header(headerBody(roots)).roots.every((root, i) => root.equals(roots[i])), 'roots changed')
}

const cid = (bytes) => {
  const parsed = parseCid(bytes)
  must(parsed.multihash === undefined || parsed.multihash.byteLength <= bytes.byteLength, 'multihash longer than its CID')
}

const nested = (depth, open, close) => Uint8Array.from([...Array(depth).fill(open), ...close])
const value = { a: [1, cids[0], { b: cids[7], c: 'text' }], d: cids[1], e: new Uint8Array(9), f: [null, true, -5, 1.5] }
const linkItems = [
  { name: 'dag-cbor', code: 0x71, bytes: new Uint8Array(dagCbor.encode(value)) },
  { name: 'dag-cbor nested', code: 0x71, bytes: nested(5000, 0x81, [0xf6]) },
  { name: 'dag-json', code: 0x0129, bytes: new Uint8Array(dagJson.encode(value)) },
  { name: 'dag-json nested', code: 0x0129, bytes: nested(3000, 0x5b, [...Array(3000).fill(0x5d)]) },
  { name: 'dag-pb', code: 0x70, bytes: new Uint8Array(dagPb.encode(dagPb.prepare({ Data: new Uint8Array(20), Links: [{ Name: 'a', Hash: cids[0], Tsize: 5 }, { Name: 'b', Hash: cids[17], Tsize: 2 ** 40 }] }))) },
]

const links = (bytes, { item }) => {
  const found = [...linksOf(CID.createV1(item.code, cids[0].multihash), bytes)]
  must(found.length <= bytes.byteLength, 'more links than bytes')
  must(found.every((link) => CID.asCID(link) !== null && link.bytes.byteLength <= bytes.byteLength * 2), 'no link')
}

const commitment = new Uint8Array(32).fill(7)
const pieceCid = (bytes) => {
  const { version, payloadBytes, commitment: got } = parsePieceCid(bytes)
  must(got.byteLength === 32, 'commitment length')
  if (version === 2) must(parsePieceCid(pieceCidV2(got, payloadBytes)).payloadBytes === payloadBytes, 'another payload length')
}

const stateOf = (length) => {
  const begun = createCommP()
  begun.write(new Uint8Array(length).fill(5))
  return begun.state()
}
/** The checksum at the end made right. */
const sealState = (bytes) => {
  if (bytes.byteLength < 32) return bytes
  const end = bytes.byteLength - 32
  return new Uint8Array([...bytes.subarray(0, end), ...createHash('sha256').update(bytes.subarray(0, end)).digest()])
}

const commPState = (bytes) => {
  const resumed = resumeCommP(bytes)
  must(same(resumed.state(), bytes), 'another state')
  resumed.write(new Uint8Array(200))
  must(resumed.finish().commitment.byteLength === 32, 'commitment length')
}

const rlePlus = (bytes, { random }) => {
  const maxEnd = random.chance(0.5) ? 2 ** random.int(53) : Number.MAX_SAFE_INTEGER
  const ranges = decodeRlePlus(bytes, { maxEnd, maxRanges: 1000 })
  let end = -1
  for (const { start, length } of ranges) {
    must(start > end && length >= 1 && start + length <= maxEnd, `range; start=${start} length=${length} before=${end}`)
    end = start + length
  }
  must(JSON.stringify(decodeRlePlus(encodeRlePlus(ranges))) === JSON.stringify(ranges), 'ranges changed')
}

const sectorPieces = [{ offset: 0, paddedBytes: 512, payload: new Uint8Array(500).fill(3) }, { offset: 1024, paddedBytes: 256, payload: new Uint8Array(250).fill(9) }]
const sectorItems = [
  sectorFile({ sectorBytes: 2048, pieces: sectorPieces }),
  sectorFile({ sectorBytes: 2048, pieces: [] }),
  sectorFile({ sectorBytes: 2048, pieces: sectorPieces, trailer: false }),
  sectorFile({ sectorBytes: 2048, pieces: Array.from({ length: 8 }, (_, i) => ({ offset: i * 256, paddedBytes: 128, payload: new Uint8Array(120).fill(i + 1) })) }),
].map((bytes, i) => ({ name: `sector ${i}`, bytes, hot: range(2048, Math.max(0, bytes.byteLength - 2048)) }))

const sector = async (bytes, { random, meter }) => {
  const opened = await openSector(countedSource(bytes, random.pick(SOURCE_FORMS), meter), random.chance(0.3) ? { sectorBytes: 2048 } : {})
  must(opened.sectorBytes <= bytes.byteLength, 'sector longer than its file')
  for (const { start, length } of opened.allocated.slice(0, 20)) {
    must(start + length <= opened.sectorBytes, 'allocated behind the end')
    if (start % 128 !== 0 || length % 128 !== 0) continue
    const piece = opened.openPiece(start, length)
    const whole = await piece.read(0, piece.sizeBytes)
    const from = random.int(piece.sizeBytes)
    const size = random.int(piece.sizeBytes - from + 1)
    must(same(await piece.read(from, size), whole.subarray(from, from + size)), 'a part differs from the whole')
  }
  await opened.close()
}

export const headerTarget = {
  name: 'carv1-header',
  corpus: [[], cids.slice(0, 1), cids].map((roots, i) => ({ name: `header ${i}`, bytes: headerBody(roots) })),
  run: header,
}
export const cidTarget = { name: 'cid', corpus: blocks.map(({ cid: bytes }, i) => ({ name: `CID ${i}`, bytes })), run: cid }
export const linksTarget = { name: 'links', corpus: linkItems, run: links }
export const pieceCidTarget = {
  name: 'piece-cid',
  corpus: [pieceCidV1(commitment), ...[0, 1, 127, 128, 10_000, 2 ** 35].map((size) => pieceCidV2(commitment, size))].map(({ bytes }, i) => ({ name: `piece CID ${i}`, bytes, hot: range(0, bytes.byteLength - 32) })),
  run: pieceCid,
}
export const commPStateTarget = {
  name: 'commp-state',
  corpus: [0, 100, 5000, 3 * 65_024 + 20].map((length) => ({ name: `state after ${length} bytes`, bytes: stateOf(length), hot: range(0, 16) })),
  seal: sealState,
  run: commPState,
}
export const rlePlusTarget = {
  name: 'rle-plus',
  corpus: [[], [{ start: 0, length: 16 }], [{ start: 5, length: 1 }, { start: 7, length: 14 }, { start: 2 ** 40, length: 2 ** 30 }], Array.from({ length: 40 }, (_, i) => ({ start: i * 20 + 1, length: i % 18 + 1 }))]
    .map((ranges, i) => ({ name: `ranges ${i}`, bytes: plainRlePlus(ranges) })),
  run: rlePlus,
}
export const sectorTarget = { name: 'sector', corpus: sectorItems, run: sector }
