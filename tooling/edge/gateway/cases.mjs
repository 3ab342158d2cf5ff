/** What is tried on the example worker. Each gives a text that says more, or throws. */
import { bytesOf, check, cidsIn, equal, isUnclean, sameBytes } from './harness.mjs'

/** What the first block of a worker that has just begun may take. */
const FIRST_BLOCK = 5
const raw = (cid) => `/ipfs/${cid}?format=raw`
const car = (path) => `/ipfs/${path}?format=car`

const firstBlock = async ({ get, reads }, { cid, data }) => {
  const answer = await get(raw(cid))
  equal([answer.status, answer.headers.get('access-control-allow-origin')], [200, '*'], 'answer')
  sameBytes(await bytesOf(answer), data, 'block')
  const taken = await reads()
  check(taken.length <= FIRST_BLOCK, `reads: ${taken}`)
  return `${taken.length} reads`
}

/** @param run - starts a worker. @param web - a server of the same objects, that counts */
export const casesOf = ({ world, run, web }) => [
  ['the first block of a worker that has just begun', () => run({}, (worker) => firstBlock(worker, world.blake))],

  ['the same with an index of a million blocks', () => run({ COLLECTION: 'million.idx' }, (worker) => firstBlock(worker, world.blake))],

  ['the same with a denylist', () => run({ COLLECTION: 'million.idx', DENYLIST: 'badbits.deny' }, (worker) => firstBlock(worker, world.blake))],

  ['the same from a web server instead of a bucket', () => run({ ORIGIN: web.base, COLLECTION: 'million.idx' }, async ({ get }) => {
    web.takeCounts()
    const answer = await get(raw(world.blake.cid))
    sameBytes(await bytesOf(answer), world.blake.data, 'block')
    const counts = web.takeCounts()
    const requests = Object.values(counts).reduce((sum, count) => sum + count, 0)
    check(requests <= FIRST_BLOCK, `requests: ${JSON.stringify(counts)}`)
    return `${requests} requests`
  }, {})],

  ['a DAG from a web server', () => run({ ORIGIN: web.base }, async ({ get }) => {
    equal(await cidsIn(await get(car(world.many[0]))), world.many.map(String), 'blocks')
  }, {})],

  ['blocks, parts of them, heads, and what is not there', () => run({}, async ({ get, reads }) => {
    const { cid, data } = world.blake
    const part = await get(raw(cid), { headers: { range: 'bytes=2-5' } })
    equal([part.status, part.headers.get('content-range')], [206, `bytes 2-5/${data.byteLength}`], 'part')
    sameBytes(await bytesOf(part), data.subarray(2, 6), 'part')
    await reads()
    const head = await get(raw(cid), { method: 'HEAD' })
    equal([head.status, head.headers.get('content-length'), (await bytesOf(head)).byteLength], [200, String(data.byteLength), 0], 'head')
    sameBytes(await bytesOf(await get(raw(cid))), data, 'the whole')
    equal(await reads(), [], 'reads for a head, and for a block that is in the cache')
    equal((await get(raw(cid), { headers: { 'if-none-match': head.headers.get('etag') } })).status, 304, 'what is known')
    const absent = await get(raw(world.absent))
    equal([absent.status, absent.headers.get('x-error-code')], [404, 'BLOCKSTORE_NOT_FOUND'], 'absent')
    equal((await get(raw('bafkqaaa'))).status, 200, 'probe')
    equal((await get(raw(cid), { method: 'OPTIONS' })).status, 204, 'preflight')
    equal((await get('/')).status, 404, 'no path')
  })],

  ['a path into a CARv2, by its blocks', () => run({}, async ({ get }) => {
    equal(await cidsIn(await get(car(`${world.tree}/dir/hello`))), [world.tree, world.blake.cid].map(String), 'blocks')
    equal((await get(car(`${world.tree}/dir/nothing`))).status, 404, 'a path to nothing')
  })],

  ['10,001 blocks of 1 KiB in dfs order', () => run({}, async ({ get, reads }) => {
    await reads()
    const began = performance.now()
    equal(await cidsIn(await get(car(world.many[0]))), world.many.map(String), 'blocks')
    const ms = performance.now() - began
    const taken = await reads()
    check(taken.length <= 16, `reads: ${taken.length}`)
    return `${taken.length} reads, ${Math.round(ms)} ms`
  })],

  ['many requests at the same time, from a worker that has just begun', () => run({}, async ({ get }) => {
    const blocks = Array.from({ length: 20 }, (_, i) => world.manyBlocks[1 + i * 450])
    const [cids, other, ...answers] = await Promise.all([
      get(car(world.many[0])).then(cidsIn), get(car(`${world.tree}/dir/hello`)).then(cidsIn), ...blocks.map(async ({ cid }) => bytesOf(await get(raw(cid)))),
    ])
    equal([cids.length, other.length], [world.many.length, 2], 'CARs')
    answers.forEach((bytes, i) => { sameBytes(bytes, blocks[i].data, 'block') })
  })],

  ['what is denied, as a root and in a CAR', () => run({ DENYLIST: 'badbits.deny' }, async ({ get }) => {
    const denied = await get(raw(world.bad))
    equal([denied.status, denied.headers.get('x-error-code')], [410, 'GATEWAY_DENIED'], 'denied')
    const answer = await get(car(world.tree))
    equal([answer.status, await isUnclean(answer)], [200, true], 'a CAR with a denied block')
    equal((await get(raw(world.blake.cid))).status, 200, 'another block')
  })],

  ['nothing without the denylist that there should be', () => run({ DENYLIST: 'nowhere.deny' }, async ({ get }) => {
    const answer = await get(raw(world.blake.cid))
    equal([answer.status, answer.headers.get('x-error-code')], [503, 'GATEWAY_DENYLIST_MISSING'], 'answer')
  })],

  ['more reads than a request may make, before the first byte and behind it', () => run({ MAX_SUBREQUESTS: '8' }, async ({ get, reads }) => {
    const path = await get(car(`${world.chain}/${Array.from({ length: 11 }, () => 'next').join('/')}`))
    equal([path.status, path.headers.get('x-error-code')], [503, 'GATEWAY_TOO_LARGE'], 'a long path')
    check((await reads()).length <= 8, 'reads')
    const large = await get(car(world.large))
    equal([large.status, await isUnclean(large)], [200, true], 'a large DAG')
    check((await reads()).length <= 8, 'reads')
  })],

  ['a long path, where so many may be made', () => run({}, async ({ get, reads }) => {
    equal((await cidsIn(await get(car(`${world.chain}/${Array.from({ length: 11 }, () => 'next').join('/')}`)))).length, 12, 'blocks')
    return `${(await reads()).length} reads for 12 blocks far apart`
  })],

  ['an object that changes while it is sent', () => run({}, async ({ get, put }) => {
    const answer = await get(car(world.large))
    let sent = 0
    const unclean = await isUnclean(answer, async (chunk) => {
      if (sent === 0) await put('large.car', new Uint8Array(world.cars['large.car'].byteLength))
      sent += chunk.byteLength
    })
    await put('large.car', world.cars['large.car'])
    equal([answer.status, unclean], [200, true], 'answer')
    check(sent > 0 && sent < world.cars['large.car'].byteLength, `sent ${sent}`)
    equal((await cidsIn(await get(car(world.large)))).length, 49, 'blocks when it is there again')
    return `broken off after ${sent >> 20} MiB of ${world.cars['large.car'].byteLength >> 20}`
  })],

  ['a collection that is published anew', () => run({}, async ({ get, put, reads }) => {
    equal((await get(raw(world.chain))).status, 200, 'before')
    await reads()
    await put('chain.car', world.moved.car)
    await put('collection.idx', world.moved.collection)
    try {
      const again = await get(car(world.chain))
      equal((await cidsIn(again)).length, 12, 'blocks after')
      check((await reads()).includes('collection.idx'), 'the collection was not read again')
    } finally {
      await put('chain.car', world.cars['chain.car'])
      await put('collection.idx', world.collection)
    }
  })],

  ['a collection that is none, and none at all', async () => {
    await run({ COLLECTION: 'badbits.deny' }, async ({ get }) => {
      const answer = await get(raw(world.blake.cid))
      equal([answer.status, answer.headers.get('x-error-code')], [502, 'BLOCKSTORE_UNREADABLE'], 'answer')
    })
    await run({ COLLECTION: 'nowhere.idx' }, async ({ get }) => { equal((await get(raw(world.blake.cid))).status, 502, 'answer') })
  }],

  ['no more of one client than the limit lets through', () => run({}, async ({ get }) => {
    const of = async (address) => (await get(raw(world.many[3]), { headers: { 'cf-connecting-ip': address } })).status
    equal([await of('192.0.2.1'), (await get(raw(world.many[4]), { headers: { 'cf-connecting-ip': '192.0.2.1' } })).status], [200, 200], 'the first two')
    const third = await get(raw(world.many[5]), { headers: { 'cf-connecting-ip': '192.0.2.1' } })
    equal([third.status, third.headers.get('x-error-code'), third.headers.get('retry-after')], [429, 'GATEWAY_CLIENT_BUSY', '10'], 'the third')
    equal((await get(raw(world.many[6]), { headers: { 'cf-connecting-ip': '192.0.2.2' } })).status, 200, 'another client')
  }, { r2Buckets: ['BUCKET'], ratelimits: { LIMITER: { namespace_id: '1', simple: { limit: 2, period: 60 } } } })],
]
