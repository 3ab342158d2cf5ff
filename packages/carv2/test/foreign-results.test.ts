import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sharedFixtures } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { attachIndex, type CarReport, type CarV2ErrorCode, inspectCar, readVersion, verifyCar } from '../src/index.ts'
import { createCrashFs } from '@dagstore-tooling/testkit'

const folder = sharedFixtures()
const hashes = createHashes()
const SAMPLE = 'bafy2bzaced4ueelaegfs5fqu4tzsh6ywbbpfk3cxppupmxfdhbpbhzawfw5oy'

interface Expected {
  readonly file: string
  readonly version: number
  /** What inspecting fails with. */
  readonly broken?: CarV2ErrorCode
  readonly blocks?: number
  readonly roots?: readonly string[]
  readonly codecs?: Readonly<Record<number, number>>
  readonly data?: readonly [min: number, mean: number, max: number]
  readonly cids?: readonly [min: number, mean: number, max: number]
  readonly padding?: number
  /** First varint of the index, and whether it is of use. */
  readonly index?: readonly [codec: number, fault: CarV2ErrorCode | undefined, entries?: number]
  /** What verifying fails with. */
  readonly refused?: CarV2ErrorCode
}

/** The results that the reference on CAR formats states, file by file. */
const EXPECTED: readonly Expected[] = [
  { file: 'go-car/sample-v1.car', version: 1, blocks: 1049, roots: [SAMPLE], codecs: { 0x71: 1043, 0x55: 6 }, data: [1, 417, 1342], cids: [14, 37, 38] },
  { file: 'go-car/sample-v1-noidentity.car', version: 1, blocks: 1043, roots: [SAMPLE], codecs: { 0x71: 1043 } },
  { file: 'go-car/sample-v1-tailing-corrupt-section.car', version: 1, broken: 'CARV2_TRUNCATED', refused: 'CARV2_TRUNCATED' },
  { file: 'go-car/sample-v1-with-zero-len-section.car', version: 1, blocks: 1049, padding: 2048, roots: [SAMPLE] },
  { file: 'go-car/sample-v1-with-zero-len-section2.car', version: 1, blocks: 20, padding: 11_693, codecs: { 0x55: 19, 0x70: 1 }, roots: ['bafykbzaceapvx4wxbe3bfc5neit43wl22pruy2ysk7wv763iuyyxcffj3te56'] },
  { file: 'go-car/sample-wrapped-v2.car', version: 2, blocks: 1049, roots: [SAMPLE], data: [1, 417, 1342], index: [0x0401, undefined, 1043] },
  { file: 'go-car/sample-v2-indexless.car', version: 2, blocks: 1049, roots: [SAMPLE] },
  { file: 'go-car/sample-rw-bs-v2.car', version: 2, blocks: 3, codecs: { 0x55: 3 }, index: [0x0401, undefined, 3] },
  { file: 'go-car/lotus-sample-rw-bs-v2.car', version: 2, blocks: 3, codecs: { 0x55: 3 }, index: [0x0400, undefined, 3] },
  { file: 'go-car/sample-unixfs-v2.car', version: 2, blocks: 3, roots: ['bafybeiakgrehdxxgy5kca72znt6jllrj2sqkehtqeojfuxlbeuqg3vfkwq'], index: [0x0401, undefined, 3] },
  { file: 'go-car/sample-rootless-v42.car', version: 42, broken: 'CARV2_BAD_VERSION', refused: 'CARV2_BAD_VERSION' },
  { file: 'go-car/sample-v2-corrupt-data-and-index.car', version: 2, broken: 'CARV2_BAD_HEADER', refused: 'CARV2_BAD_HEADER' },
  { file: 'ipld-spec/carv1-basic.car', version: 1, blocks: 8, codecs: { 0x55: 3, 0x70: 3, 0x71: 2 } },
  // its index is older than the codec in front of it
  { file: 'ipld-spec/carv2-basic.car', version: 2, blocks: 5, index: [1, 'CARV2_UNKNOWN_INDEX'], refused: 'CARV2_UNKNOWN_INDEX' },
]

describe.skipIf(folder === undefined)('files of other implementations (where they lie beside the checkout)', () => {
  const open = (file: string): ReturnType<typeof createBytesSource> => createBytesSource(readFileSync(join(folder!, file)))

  it.each(EXPECTED)('give the results that the reference states: $file', async (expected) => {
    const source = open(expected.file)
    expect(await readVersion(source)).toBe(expected.version)
    if (expected.broken !== undefined) {
      await expect(inspectCar(source, { hashes })).rejects.toMatchObject({ code: expected.broken })
      await expect(verifyCar(source, hashes)).rejects.toMatchObject({ code: expected.refused })
      return
    }
    const report: CarReport = await inspectCar(source, { hashes, index: 'entries' })
    expect(report).toMatchObject({ blockCount: expected.blocks, rootsPresent: true, paddingBytes: expected.padding ?? 0, indexCodec: expected.index?.[0] })
    if (expected.roots !== undefined) expect(report.layout.roots.map(String)).toEqual(expected.roots)
    if (expected.codecs !== undefined) expect(Object.fromEntries(report.codecCounts)).toEqual(expected.codecs)
    if (expected.data !== undefined) expect(report.blockBytes).toEqual({ min: expected.data[0], mean: expected.data[1], max: expected.data[2] })
    if (expected.cids !== undefined) expect(report.cidBytes).toEqual({ min: expected.cids[0], mean: expected.cids[1], max: expected.cids[2] })
    expect(report.index?.fault?.code).toBe(expected.index?.[1])
    expect(report.index?.entryCount).toBe(expected.index?.[2])
    if (expected.refused !== undefined) await expect(verifyCar(source, hashes)).rejects.toMatchObject({ code: expected.refused })
    else expect((await verifyCar(source, hashes)).blockCount).toBe(expected.blocks)
  })

  it('have no version where they end before it', async () => {
    await expect(readVersion(open('go-car/sample-corrupt-pragma.car'))).rejects.toMatchObject({ code: 'CARV2_TRUNCATED', offset: 16 })
  })

  it('get a new index where theirs is older than the format', async () => {
    const fs = createCrashFs({ seed: 1 })
    fs.plant('a.car', readFileSync(join(folder!, 'ipld-spec/carv2-basic.car')))
    const file = await fs.writableFile('a.car')
    expect(await attachIndex(file)).toMatchObject({ indexOffset: 499, entryCount: 5 })
    expect((await verifyCar(createBytesSource(new Uint8Array(fs.content('a.car')!)), hashes)).index).toBe('checked')
  })
})
