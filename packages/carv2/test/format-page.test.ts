import { readFileSync } from 'node:fs'
import { carV1, carV1Header, carV2, entriesOf, indexBytes, makeBlock, placedBlocks } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { decodeCarV1Header, encodeCarV1Header, verifyCar, wrapChunks } from '../src/index.ts'
import { collect, concat } from './support.ts'

const page = readFileSync(new URL('../../../docs/formats/car.md', import.meta.url), 'utf8')
const block = makeBlock(new TextEncoder().encode('hello world'))
const roots = [block.cid]

/** The bytes of the example by its name: lines of an offset, two spaces, up to 16 bytes, and perhaps words. */
const example = (name: string): Uint8Array => {
  const text = new RegExp(`\`\`\`hex ${name}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? ''
  const bytes: number[] = []
  for (const line of text.trim().split('\n')) {
    const [, at, hex] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} ?){1,16})/.exec(line) ?? []
    expect(Number.parseInt(at!, 16), `${name}: ${line}`).toBe(bytes.length)
    bytes.push(...Buffer.from(hex!.replaceAll(' ', ''), 'hex'))
  }
  return Uint8Array.from(bytes)
}

describe('docs/formats/car.md', () => {
  it('shows headers without roots, the one that is written and the one that is read too', () => {
    expect(example('roots-none')).toEqual(encodeCarV1Header([]))
    expect(example('roots-null')).toEqual(carV1Header([], { nullRoots: true }))
    for (const name of ['roots-none', 'roots-null']) expect(decodeCarV1Header(example(name).subarray(1))).toEqual({ version: 1, roots: [] })
  })

  it('says how long headers are', () => {
    const cidOf = (options: Parameters<typeof makeBlock>[1]): CID => CID.decode(makeBlock(Uint8Array.of(1), options).cid)
    const lengths = [[], [cidOf({ version: 0 })], [cidOf({})], [cidOf({ hash: 'blake2b-256' })], [cidOf({}), cidOf({})]].map((cids) => encodeCarV1Header(cids).byteLength)
    expect(lengths).toEqual([18, 57, 59, 61, 100])
    expect(page).toContain('it has 18 bytes without roots, 57 with one CIDv0, 59 with one CIDv1 of sha2-256, 61 with one of blake2b-256, 100 with two')
  })

  it('shows a CARv1', async () => {
    expect(example('v1')).toEqual(carV1(roots, [block]))
    expect((await verifyCar(createBytesSource(example('v1')), createHashes())).blockCount).toBe(1)
  })

  it('shows a CARv2, which is what wrapCar writes', async () => {
    expect(example('v2')).toEqual(carV2({ roots, blocks: [block], dataPadding: 5, payloadPadding: 2, indexPadding: 3, fullyIndexed: true }))
    const source = createBytesSource(carV1(roots, [block], { paddingBytes: 2 }))
    expect(concat(await collect(wrapChunks(source, { padding: 'keep', dataPadding: 5, indexPadding: 3, index: 'standard' })))).toEqual(example('v2'))
    expect((await verifyCar(createBytesSource(example('v2')), createHashes())).index).toBe('checked')
  })

  it('shows an index of the older codec', () => {
    expect(example('index-sorted')).toEqual(indexBytes(0x0400, entriesOf(placedBlocks(roots, [block]))))
    expect(carV2({ roots, blocks: [block], index: 0x0400 }).subarray(0x9e)).toEqual(example('index-sorted'))
  })
})
