/** Cases of go-car's own tests through our public functions: what it refuses we refuse, by a code and at a place. */
import { createHash } from 'node:crypto'
import { goCarFuzz } from '@dagstore-tooling/fixtures'
import { buildIndex, inspectCar, openIndex, readLayout, scanSections, verifyCar } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { openHashes } from '@dagstore/hashes/node'
import { type ByteSource, createBytesSource, createWindow } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'

const hashes = await openHashes()
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const source = (bytes: Uint8Array): ByteSource => createBytesSource(bytes)

/** All that reads a CAR; each ends in a value or an error with a code of ours. */
const readers: Record<string, (bytes: Uint8Array) => Promise<unknown>> = {
  readLayout: (bytes) => readLayout(source(bytes)),
  scanSections: async (bytes) => {
    const car = source(bytes)
    const found = []
    for await (const section of scanSections(car, await readLayout(car), { data: true })) found.push(section)
    return found
  },
  inspectCar: (bytes) => inspectCar(source(bytes), { hashes }),
  verifyCar: (bytes) => verifyCar(source(bytes), hashes),
  buildIndex: (bytes) => buildIndex(source(bytes)),
  openIndex: async (bytes) => {
    const car = source(bytes)
    const { indexOffset } = await readLayout(car)
    return indexOffset === undefined ? undefined : openIndex(createWindow(car, indexOffset, car.sizeBytes - indexOffset))
  },
  openIndexMount: async (bytes) => (await openIndexMount({ data: source(bytes) })).close(),
}

const outcome = async (read: Promise<unknown>): Promise<unknown> => read.then(() => 'value', (error: { code?: string }) => error.code ?? error)

describe('inputs that go-car keeps from its fuzzing', () => {
  const wanted: Record<string, Partial<Record<string, string>> & { all?: string }> = {
    'FuzzBlockReader-c3c7eede': { all: 'CARV2_TOO_LARGE' },
    'FuzzCarReader-21a90a70': { all: 'CARV2_TOO_LARGE' },
    'FuzzCarReader-5857e57e': { all: 'CARV2_BAD_HEADER' },
    'FuzzReader-c640dd07': { all: 'CARV2_BAD_HEADER' },
    'FuzzReader-e1d7f87e': { all: 'CARV2_BAD_HEADER' },
    // its payload has whole sections with damaged data, its index a count of buckets beyond its end
    'FuzzReader-fe93cec1': {
      readLayout: 'value', scanSections: 'value', buildIndex: 'value', openIndexMount: 'value',
      inspectCar: 'CARV2_HASH_MISMATCH', verifyCar: 'CARV2_HASH_MISMATCH', openIndex: 'CARV2_BAD_INDEX',
    },
  }
  const cases = Object.entries(goCarFuzz).flatMap(([name, bytes]) => Object.keys(readers).map((reader) => ({ name, reader, bytes })))

  it.each(cases)('$name ends $reader as it should, without memory for what it claims', async ({ name, reader, bytes }) => {
    const before = process.memoryUsage().arrayBuffers
    expect(await outcome(readers[reader]!(bytes))).toBe(wanted[name]!.all ?? wanted[name]![reader])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20)
  })
})

const NO_ROOTS = '11a265726f6f7473806776657273696f6e01'
const ONE_CID = '0155122001d448afd928065458cf670b60f5a594d735af0172c8d67f22a81680132681ca'
const IDENTITY_CAR = '2f a265726f6f747381d82a581a0001a90200147b226964656e74697479223a22626c6f636b227d6776657273696f6e01 19 01a90200147b226964656e74697479223a22626c6f636b227d'
const BAD_HASH = `${NO_ROOTS} 2e ${ONE_CID} ffffffffffffffffffff`

// go-car v2.17.0 v2/reader_test.go, TestInspect and TestInspectError
describe('inspection of the cases of go-car', () => {
  it.each([
    { name: 'BadHeaderLength', hex: 'e0e0e0e0a7060c6f6c4cca943c236f4b196723489608edb42a8b8fa80b6776657273696f6e19', code: 'CARV2_TOO_LARGE', offset: 0 },
    // go-car finds it at the section: it takes any tag for the one of links, and so the root
    { name: 'BadCidV0', hex: '3aa265726f6f747381d83058250001303020 3030303030303030303030303030303030303030303030303030303030303030 6776657273696f6e010130', code: 'CARV2_BAD_HEADER', offset: 0 },
    { name: 'BadCidV0 behind a header without roots', hex: `${NO_ROOTS} 0130`, code: 'CARV2_BAD_CID', offset: 18 },
    { name: 'BadSectionLength', hex: `${NO_ROOTS} e0e0e0e0a706 ${ONE_CID} 00000000000000000000`, code: 'CARV2_TOO_LARGE', offset: 18 },
    { name: 'BadSectionLength2, a section shorter than its CID', hex: `${NO_ROOTS} 20 ${ONE_CID}`, code: 'CARV2_BAD_SECTION', offset: 18 },
    { name: 'BadSectionLength3, roots null and a torn varint', hex: '11a265726f6f7473f66776657273696f6e01 80', code: 'CARV2_TRUNCATED', offset: 18 },
    { name: 'BadBlockHash', hex: BAD_HASH, code: 'CARV2_HASH_MISMATCH', offset: 18 },
    { name: 'IdentityCID whose data is not in the section', hex: IDENTITY_CAR, code: 'CARV2_HASH_MISMATCH', offset: 48 },
  ])('$name is refused with $code', async ({ hex, code, offset }) => {
    await expect(inspectCar(source(bytesOf(hex)), { hashes })).rejects.toMatchObject({ code, offset })
  })

  it('takes data that do not match where nobody asks for hashes', async () => {
    expect(await inspectCar(source(bytesOf(BAD_HASH)))).toMatchObject({ blockCount: 1, blockBytes: { min: 10, max: 10 } })
  })

  it('counts what go-car counts in a section that is all CID', async () => {
    const report = await inspectCar(source(bytesOf(IDENTITY_CAR)))
    expect(report).toMatchObject({ rootsPresent: true, blockCount: 1, cidBytes: { min: 25, mean: 25, max: 25 }, blockBytes: { min: 0, mean: 0, max: 0 } })
    expect(report.layout.roots.map(String)).toEqual(['baguqeaaupmrgszdfnz2gs5dzei5ceytmn5rwwit5'])
    expect([...report.codecCounts]).toEqual([[0x0129, 1]])
    expect([...report.hashCounts]).toEqual([[0, 1]])
  })
})

// TestIndex_ReadFromCorruptIndex: one block, and an index whose counts are edited
describe('the index that go-car made by hand', () => {
  const withCounts = (codes: string, widths: string): Uint8Array => bytesOf([
    '0aa16776657273696f6e02 00000000000000000000000000000000 3300000000000000 4100000000000000 7400000000000000',
    NO_ROOTS, '2e', ONE_CID, '00000000000000000000',
    `8108 ${codes} 1200000000000000 ${widths} 28000000 2800000000000000`, ONE_CID.slice(8), '1200000000000000',
  ].join(' '))
  const open = async (bytes: Uint8Array): ReturnType<typeof openIndex> => {
    const { indexOffset } = await readLayout(source(bytes))
    return openIndex(createWindow(source(bytes), indexOffset!, bytes.byteLength - indexOffset!))
  }

  it('has one entry where its counts are right', async () => {
    const view = await open(withCounts('01000000', '01000000'))
    expect(view.facts.entryCount).toBe(1)
    expect(await view.find(CID.decode(bytesOf(ONE_CID)).multihash.bytes)).toMatchObject([{ sectionOffset: 18 }])
  })

  it.each([
    { name: 'BadIndexCountOverflow', codes: 'ffffffff', widths: '01000000' },
    { name: 'BadIndexCountTooMany', codes: 'ffffff7f', widths: '01000000' },
    { name: 'BadIndexMultiWidthOverflow', codes: '01000000', widths: 'ffffffff' },
    { name: 'BadIndexMultiWidthTooMany', codes: '01000000', widths: 'ffffff7f' },
  ])('$name is refused, and the mount makes an index of its own', async ({ codes, widths }) => {
    const bytes = withCounts(codes, widths)
    const before = process.memoryUsage().arrayBuffers
    await expect(open(bytes)).rejects.toMatchObject({ code: 'CARV2_BAD_INDEX' })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20)
    const mount = await openIndexMount({ data: source(bytes) })
    expect(mount.indexOrigin).toBe('built')
    expect(await mount.blockstore.bytes(CID.decode(bytesOf(ONE_CID)))).toEqual(new Uint8Array(10))
    await mount.close()
  })
})

// v2/block_reader_test.go: TestMaxSectionLength, TestTrustedCAR, TestMaxHeaderLength
describe('limits at the borders of go-car', () => {
  const varint = (value: number): number[] => (value < 128 ? [value] : [value % 128 | 128, ...varint(Math.floor(value / 128))])
  const carOf = (data: Uint8Array): Uint8Array => {
    const cid = bytesOf(`01551220${createHash('sha256').update(data).digest('hex')}`)
    return new Uint8Array(Buffer.concat([bytesOf(NO_ROOTS), Uint8Array.from(varint(cid.byteLength + data.byteLength)), cid, data]))
  }

  it('MaxSectionLength: a block of 8 MiB is too long by its CID, and is read when more is allowed', async () => {
    const car = carOf(new Uint8Array(8 << 20))
    await expect(inspectCar(source(car), { hashes })).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: 18 })
    expect(await inspectCar(source(car), { hashes, maxSectionBytes: (8 << 20) + 40 })).toMatchObject({ blockCount: 1 })
    expect(await inspectCar(source(carOf(new Uint8Array((8 << 20) - 36))), { hashes })).toMatchObject({ blockCount: 1 })
  })

  it('TrustedCAR: data that do not match are given only to those who do not verify', async () => {
    const car = carOf(new Uint8Array(5))
    car[car.byteLength - 3] = 0xff
    const cid = CID.decode(car.subarray(19, 19 + 36))
    const trusting = await openIndexMount({ data: source(car) }, { verify: 'never' })
    expect(await trusting.blockstore.bytes(cid)).toEqual(Uint8Array.of(0, 0, 0xff, 0, 0))
    const checking = await openIndexMount({ data: source(car) })
    await expect(checking.blockstore.bytes(cid)).rejects.toMatchObject({ code: 'BLOCKSTORE_HASH_MISMATCH' })
  })

  it('MaxHeaderLength: a header of five roots is refused when one byte less is allowed', async () => {
    const root = 'd82a58250001711220785197229dc8bb1152945da58e2348f7e279eeded06cc2ca736d0e879858b501'
    const car = bytesOf(`de01a265726f6f747385${root.repeat(5)}6776657273696f6e01`)
    const { roots } = await readLayout(source(car))
    expect(roots.map(String)).toEqual(Array(5).fill('bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae'))
    expect((await readLayout(source(car), { maxHeaderBytes: car.byteLength - 2 })).roots).toHaveLength(5)
    await expect(readLayout(source(car), { maxHeaderBytes: car.byteLength - 3 })).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: 0 })
  })
})
