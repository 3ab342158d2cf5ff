/**
 * DAGs of UnixFS, HAMT, dag-cbor and dag-json with one damaged block, walked and read along paths. Nothing is verified, as
 * if the damage had been made before the block was hashed; the names of blocks are made up, so that there can be circles.
 */
import { readEntity, resolvePath, walkDag, walkPath } from '@dagstore/dag'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { LimitError } from '../meter.mjs'
import { must } from '../engine.mjs'

const RAW = 0x55
const DAG_PB = 0x70
const DAG_CBOR = 0x71
const DAG_JSON = 0x0129
const MAX_GETS = 20_000

const named = (code, number) => CID.createV1(code, Digest.create(0x12, new Uint8Array(32).fill(number)))

const varint = (value) => (value < 128 ? [value] : [value % 128 | 128, ...varint(Math.floor(value / 128))])
const field = (number, value) => (typeof value === 'number' ? [number << 3, ...varint(value)] : [number << 3 | 2, ...varint(value.length), ...value])
/** The data of a UnixFS node: type, data, file size, block sizes, hash function, fan-out. */
const unixfs = ({ type, data, size, sizes = [], hash, fanout }) => Uint8Array.from([
  ...field(1, type),
  ...(data === undefined ? [] : field(2, data)),
  ...(size === undefined ? [] : field(3, size)),
  ...sizes.flatMap((one) => field(4, one)),
  ...(hash === undefined ? [] : field(5, hash)),
  ...(fanout === undefined ? [] : field(6, fanout)),
])
const node = (data, links) => new Uint8Array(dagPb.encode(dagPb.prepare({ Data: unixfs(data), Links: links.map(([Name, Hash, Tsize = 1]) => ({ Name, Hash, Tsize })) })))

const [DIRECTORY, FILE, SYMLINK, SHARD] = [1, 2, 4, 5]
const leaves = [1, 2, 3].map((number) => [named(RAW, number), new Uint8Array(40).fill(number)])
const file = named(DAG_PB, 10)
const deepFile = named(DAG_PB, 11)
const shard = named(DAG_PB, 12)
const innerShard = named(DAG_PB, 13)
const map = named(DAG_CBOR, 14)
const json = named(DAG_JSON, 15)
const link = named(DAG_PB, 16)
const inlineFile = named(DAG_PB, 17)
const root = named(DAG_PB, 20)
const circle = named(DAG_CBOR, 21)

/** Every block by its name. */
const blocks = new Map([
  ...leaves,
  [file, node({ type: FILE, size: 120, sizes: [40, 40, 40] }, leaves.map(([cid]) => ['', cid, 40]))],
  [deepFile, node({ type: FILE, size: 245, sizes: [120, 5, 120] }, [['', file, 130], ['', inlineFile, 9], ['', file, 130]])],
  [inlineFile, node({ type: FILE, data: [...'hello'].map((char) => char.charCodeAt(0)), size: 5 }, [])],
  [shard, node({ type: SHARD, data: [0x80, 0x01], hash: 0x22, fanout: 256 }, [['07file', file], ['0F', innerShard]])],
  [innerShard, node({ type: SHARD, data: [0x03], hash: 0x22, fanout: 256 }, [['00one', leaves[0][0]], ['01two', map]])],
  [map, new Uint8Array(dagCbor.encode({ list: [1, file, { deep: json }], 'a/b': leaves[1][0], text: 'text' }))],
  [json, new Uint8Array(dagJson.encode({ file: deepFile, bytes: new Uint8Array(5), list: [leaves[2][0], null] }))],
  [link, node({ type: SYMLINK, data: [...'file'].map((char) => char.charCodeAt(0)) }, [])],
  [circle, new Uint8Array(dagCbor.encode({ root, self: circle }))],
  [root, node({ type: DIRECTORY }, [['deep', deepFile, 300], ['file', file, 130], ['link', link, 4], ['map', map, 500], ['shard', shard, 900], ['circle', circle, 1]])],
].map(([cid, bytes]) => [cid.toString(), { cid, bytes }]))

const PATHS = ['', 'file', 'deep', 'map/list/2/deep/file', 'map/list/1', 'map/text', 'json', 'shard/file', 'shard/one', 'circle/self/root/file', 'link', 'absent']

const notFound = (cid) => Object.assign(new Error(`no such block; cid=${cid.toString()}`), { name: 'NotFoundError', code: 'BLOCKSTORE_NOT_FOUND', cid })

const storeWith = (item, bytes, meter) => ({
  get: async function * (cid) {
    meter.reads++
    if (meter.reads > MAX_GETS) throw new LimitError('blocks without end')
    const block = blocks.get(cid.toString())
    if (block === undefined) throw notFound(cid)
    yield block === item.block ? bytes : block.bytes
  },
})

const limits = (random) => ({
  verify: 'never',
  maxDepth: random.pick([8, 40]),
  lookAhead: random.pick([0, 0, 4]),
  ...(random.chance(0.3) ? { maxLinks: random.int(6) } : {}),
  ...(random.chance(0.3) ? { maxBlockBytes: random.int(200) } : {}),
})

const walkLimits = (random) => ({
  ...limits(random),
  duplicates: random.chance(0.5),
  maxBlocks: 300,
  missing: random.pick(['throw', 'report', 'stop']),
  unknownCodec: random.pick(['throw', 'leaf']),
  ...(random.chance(0.3) ? { maxBytes: random.int(2000) } : {}),
})

const range = (random) => ({ from: random.int(300) - 50, ...(random.chance(0.5) ? { to: random.int(300) - 50 } : {}) })

const countBlocks = async (walk, max) => {
  let count = 0
  for await (const { bytes } of walk) must(bytes instanceof Uint8Array && ++count <= max, `more than ${max} blocks`)
}

const WAYS = [
  (store, random) => countBlocks(walkDag(store, root, walkLimits(random)), 300),
  (store, random) => {
    const scope = random.pick(['block', 'entity', 'all'])
    return countBlocks(walkPath(store, root, { ...walkLimits(random), path: random.pick(PATHS), scope, ...(scope === 'entity' && random.chance(0.5) ? { entityBytes: range(random) } : {}) }), 301 + 20)
  },
  async (store, random) => {
    const { blocks: way } = await resolvePath(store, root, random.pick(PATHS), limits(random))
    must(way.length > 0 && way.length <= 50, `blocks on the way; got=${way.length}`)
  },
  async (store, random) => {
    let length = 0
    for await (const chunk of readEntity(store, random.pick([file, deepFile, inlineFile, leaves[0][0], shard]), { ...limits(random), ...range(random) })) {
      must(chunk.byteLength > 0, 'empty chunk')
      length += chunk.byteLength
    }
    must(length <= 4_000_000, `bytes of the file; got=${length}`)
  },
]

const run = (bytes, { random, meter, item }) => random.pick(WAYS)(storeWith(item, bytes, meter), random)

export const dagTarget = {
  name: 'dag',
  corpus: [...blocks.values()].map((block) => ({ name: block.cid.toString(), bytes: block.bytes, hot: Array.from({ length: Math.min(90, block.bytes.byteLength) }, (_, i) => i), block })),
  run,
}
