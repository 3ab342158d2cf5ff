import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sharedFixtures } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { dagstore } from './terminal.ts'

const vectors = fileURLToPath(new URL('../../../tooling/interop/vectors', import.meta.url))

/** What go-car 2.17.0 printed, file by file, each behind a line `== name`. */
const recorded = (name: string): { readonly file: string, readonly text: string }[] =>
  readFileSync(new URL(`./go-car-2.17.0/${name}.txt`, import.meta.url), 'utf8').split(/^== /m).slice(1).map((part) => {
    const [file = '', ...lines] = part.split('\n')
    return { file, text: lines.join('\n') }
  })

describe('the output of the Go command, recorded', () => {
  it.each(recorded('inspect'))('is that of car inspect --full of $file', async ({ file, text }) => {
    const { code, stdout } = await dagstore(vectors, ['car', 'inspect', '--full', file])
    expect(code).toBe(0)
    expect(stdout.replace(/^Zero padding .*\n/m, '')).toBe(text)
  })

  it.each(recorded('list'))('is that of car list of $file', async ({ file, text }) => {
    expect(await dagstore(vectors, ['car', 'list', file])).toMatchObject({ code: 0, stdout: text })
  })

  it.each(recorded('detach-index-list'))('is that of car detach-index list of $file', async ({ file, text }) => {
    expect(await dagstore(vectors, ['car', 'detach-index', 'list', file])).toMatchObject({ code: 0, stdout: text })
  })
})

/** As go-car's own script of `car inspect` has it. */
const SAMPLE = [
  'Roots: bafy2bzaced4ueelaegfs5fqu4tzsh6ywbbpfk3cxppupmxfdhbpbhzawfw5oy',
  'Root blocks present in data: Yes',
  'Block count: 1049',
  'Min / average / max block length (bytes): 1 / 417 / 1342',
  'Min / average / max CID length (bytes): 14 / 37 / 38',
  'Block count per codec:',
  '\traw: 6',
  '\tdag-cbor: 1043',
  'CID count per multihash:',
  '\tidentity: 6',
  '\tblake2b-256: 1043',
  '',
]
const WRAPPED = ['Version: 2', `Characteristics: ${'0'.repeat(32)}`, 'Data offset: 51', 'Data (payload) length: 479907', 'Index offset: 479958', 'Index type: car-multihash-index-sorted', ...SAMPLE]

describe.skipIf(sharedFixtures() === undefined)('samples of go-car (where they lie beside the checkout)', () => {
  it.each([
    { file: 'sample-v1.car', lines: ['Version: 1', ...SAMPLE] },
    { file: 'sample-wrapped-v2.car', lines: WRAPPED },
  ])('are inspected as its own script says: $file', async ({ file, lines }) => {
    const folder = join(sharedFixtures()!, 'go-car')
    for (const args of [[], ['--full']]) expect((await dagstore(folder, ['car', 'inspect', ...args, file])).stdout).toBe(lines.join('\n'))
    expect((await dagstore(folder, ['car', 'root', file])).stdout).toBe('bafy2bzaced4ueelaegfs5fqu4tzsh6ywbbpfk3cxppupmxfdhbpbhzawfw5oy\n')
    expect(await dagstore(folder, ['car', 'verify', file])).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })

  it('are read with an index that is older than the format, which is said', async () => {
    const folder = join(sharedFixtures()!, 'ipld-spec')
    const { code, stdout } = await dagstore(folder, ['car', 'inspect', 'carv2-basic.car'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/Block count: 5\n[^]*\nIndex unusable: .*at byte 499 \(CARV2_UNKNOWN_INDEX\)\n$/)
    const list = (await dagstore(folder, ['car', 'list', 'carv2-basic.car'])).stdout.trimEnd().split('\n')
    expect(list).toHaveLength(5)
    const block = await dagstore(folder, ['car', 'get-block', 'carv2-basic.car', list[0]!])
    expect(block.code).toBe(0)
    expect(block.stderr).toMatch(/^carv2-basic\.car: [^\n]+\n$/)
  })
})
