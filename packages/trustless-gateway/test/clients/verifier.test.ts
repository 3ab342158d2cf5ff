/** The strict client of verifier.ts against the gateway, and against gateways that lie: it must believe the one and refuse the others. */
import * as fixtures from '@dagstore-tooling/fixtures/gateway'
import type { Block } from '@dagstore-tooling/fixtures'
import { carV1, seededBytes, varint } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { type Begun, cidOf, inEveryForm, withPlace } from '../conformance/harness.ts'
import { openTestStore } from '../conformance/store.ts'
import { Distrust } from './car-stream.ts'
import { verifyCar, type Wanted } from './verifier.ts'

const { cborDirectory, cborDocument, deepFile, duplicateFiles, multiblockText, oddDirectory, rawBlockDirectory, shardedDirectory, subdirMixedFiles, subdirTwoFiles } = fixtures

type Asking = Omit<Wanted, 'dups' | 'root'> & { readonly of: fixtures.Node }

const WANTED: readonly Asking[] = [
  ...[subdirTwoFiles, subdirMixedFiles, duplicateFiles, shardedDirectory, rawBlockDirectory, cborDirectory, cborDocument, deepFile, oddDirectory, multiblockText, fixtures.helloText]
    .flatMap((of) => (['block', 'entity', 'all'] as const).map((scope): Asking => ({ of, scope }))),
  ...[{ of: subdirMixedFiles, path: ['subdir', 'multiblock.txt'] }, { of: shardedDirectory, path: ['685.txt'] }, { of: shardedDirectory, path: ['1.txt'] }, { of: cborDocument, path: ['files', 'single'] },
    { of: cborDirectory, path: ['document', 'files', 'multi', '0'] }, { of: cborDocument, path: ['files', 'multi'] }, { of: oddDirectory, path: ['100%.txt'] }, { of: oddDirectory, path: ['ąę', 'źł.txt'] },
    { of: oddDirectory, path: ['inline.txt'] }, { of: oddDirectory, path: ['other-hash.txt'] }, { of: oddDirectory, path: ['deep.bin'] }, { of: oddDirectory, path: ['empty.txt'] }, { of: oddDirectory, path: ['empty-dir'] }]
    .flatMap((one) => (['block', 'entity', 'all'] as const).map((scope): Asking => ({ ...one, scope }))),
  ...[[0, 0], [0, 63], [64, 64], [63, 64], [1000, 1300], [1270, 2600], [3800, 3830], [3000, 9000]].map(([from, to]): Asking => ({ of: oddDirectory, path: ['deep.bin'], bytes: { from: from!, to: to! } })),
]

const targetOf = ({ of, path = [], scope, bytes }: Asking, dups: 'y' | 'n'): string => [
  `/ipfs/${[cidOf(of), ...path.map(encodeURIComponent)].join('/')}?format=car&car-dups=${dups}`,
  ...(scope === undefined ? [] : [`dag-scope=${scope}`]), ...(bytes === undefined ? [] : [`entity-bytes=${bytes.from}:${bytes.to}`]),
].join('&')

const wantedOf = ({ of, ...asked }: Asking, dups: 'y' | 'n'): Wanted => ({ root: CID.decode(of.block.cid), ...asked, dups })

const believe = async ({ status, headers, body }: Pick<Begun, 'status' | 'headers' | 'body'>, wanted: Wanted): Promise<Awaited<ReturnType<typeof verifyCar>>> => {
  expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: `application/vnd.ipld.car; version=1; order=dfs; dups=${wanted.dups}` })
  return verifyCar(body, wanted)
}

inEveryForm('the strict client', (form) => {
  it.each(['y', 'n'] as const)('believes every answer, dups=%s', async (dups) => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      for (const asked of WANTED) await believe(await place.begin(targetOf(asked, dups)), wantedOf(asked, dups))
    })
  })

  it('has the bytes that were asked for', async () => {
    const whole = Buffer.concat([seededBytes(7, 1280), seededBytes(7, 1280), seededBytes(8, 1271)])
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      for (const [from, to] of [[0, 3830], [5, 1300], [64, 127], [2559, 2560], [3830, 3830]] as const) {
        const asked: Asking = { of: deepFile, bytes: { from, to } }
        for (const dups of ['y', 'n'] as const) expect((await believe(await place.begin(targetOf(asked, dups)), wantedOf(asked, dups))).content).toEqual(Uint8Array.from(whole.subarray(from, to + 1)))
      }
    })
  })
})

describe('the strict client refuses', () => {
  const root = CID.decode(subdirMixedFiles.block.cid)
  const honest = subdirMixedFiles.blocks
  const roots = [subdirMixedFiles.block.cid]
  const foreign = fixtures.helloText.block
  const flipped = (block: Block, at: number): Block => ({ ...block, data: block.data.map((byte, i) => (i === at ? byte ^ 1 : byte)) })
  const car = (blocks: readonly Block[]): Uint8Array => carV1(roots, blocks)

  const LIES: Readonly<Record<string, { readonly bytes: Uint8Array, readonly code: Distrust['code'] }>> = {
    'a block with one bit changed': { bytes: car(honest.map((block, i) => (i === 4 ? flipped(block, 9) : block))), code: 'BAD_HASH' },
    'a root with one bit changed': { bytes: car(honest.map((block, i) => (i === 0 ? flipped(block, 40) : block))), code: 'BAD_HASH' },
    'two blocks in each other\'s place': { bytes: car([...honest.slice(0, 5), honest[6]!, honest[5]!, ...honest.slice(7)]), code: 'UNEXPECTED_BLOCK' },
    'a block left out': { bytes: car([...honest.slice(0, 6), ...honest.slice(7)]), code: 'UNEXPECTED_BLOCK' },
    'the last block left out': { bytes: car(honest.slice(0, -1)), code: 'MISSING_BLOCK' },
    'all blocks left out': { bytes: car([]), code: 'MISSING_BLOCK' },
    'a block more at the end': { bytes: car([...honest, foreign]), code: 'SURPLUS_BLOCK' },
    'a block twice': { bytes: car([...honest.slice(0, 3), honest[2]!, ...honest.slice(3)]), code: 'UNEXPECTED_BLOCK' },
    'a valid block that is not of the DAG': { bytes: car([honest[0]!, fixtures.rawBlockText.block, ...honest.slice(1)]), code: 'UNEXPECTED_BLOCK' },
    'a DAG of another root': { bytes: car(duplicateFiles.blocks), code: 'UNEXPECTED_BLOCK' },
    'an end inside a section': { bytes: car(honest).subarray(0, -1), code: 'TRUNCATED' },
    'an end inside a length': { bytes: Buffer.concat([car(honest), Uint8Array.of(0x80)]), code: 'TRUNCATED' },
    'nothing at all': { bytes: new Uint8Array(0), code: 'TRUNCATED' },
    'zeros behind the end': { bytes: Buffer.concat([car(honest), varint(0)]), code: 'BAD_CAR' },
  }

  const lied = async (bytes: Uint8Array, wanted: Partial<Wanted> = {}): Promise<unknown> => {
    const body = (async function * () { for (let at = 0; at < bytes.byteLength; at += 100) yield bytes.subarray(at, at + 100) })()
    return verifyCar(body, { root, dups: 'y', ...wanted }).then(() => 'believed', (error: Distrust) => error.code)
  }

  it.each(Object.keys(LIES))('%s', async (name) => {
    const { bytes, code } = LIES[name]!
    expect(await lied(bytes)).toBe(code)
  })

  it('none of what is true', async () => {
    expect(await lied(car(honest))).toBe('believed')
  })

  it('any bit of a CAR that is changed, but those of the list of roots', async () => {
    const bytes = car(honest)
    const header = carV1(roots, []).byteLength
    for (let at = header; at < bytes.byteLength; at += 7) {
      const changed = Uint8Array.from(bytes)
      changed[at]! ^= 1 << (at % 8)
      expect(await lied(changed), `bit of byte ${at}`).not.toBe('believed')
    }
  })

  it('duplicates where none were asked for, and their absence where they were', async () => {
    const wanted = { root: CID.decode(duplicateFiles.block.cid) }
    const [twice, once] = [duplicateFiles.blocks, duplicateFiles.blocks.filter((block, i, all) => all.findIndex(({ cid }) => Buffer.from(cid).equals(block.cid)) === i)]
    expect([await lied(carV1([], twice), { ...wanted, dups: 'y' }), await lied(carV1([], once), { ...wanted, dups: 'n' })]).toEqual(['believed', 'believed'])
    expect([await lied(carV1([], twice), { ...wanted, dups: 'n' }), await lied(carV1([], once), { ...wanted, dups: 'y' })]).toEqual(['UNEXPECTED_BLOCK', 'UNEXPECTED_BLOCK'])
  })
})

inEveryForm('the strict client sees an answer that is broken off', (form) => {
  it.each(['y', 'n'] as const)('dups=%s', async (dups) => {
    const blockstore = openTestStore()
    blockstore.remove(CID.decode(multiblockText.blocks[5]!.cid))
    await withPlace(form, { blockstore }, async (place) => {
      const asked: Asking = { of: subdirMixedFiles }
      await expect(believe(await place.begin(targetOf(asked, dups)), wantedOf(asked, dups))).rejects.toMatchObject({ code: expect.stringMatching(/^(?:UNCLEAN_END|TRUNCATED)$/) })
    })
  })
})
