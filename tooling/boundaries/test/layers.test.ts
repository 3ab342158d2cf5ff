import { describe, expect, it } from 'vitest'
import { compareLayerTables, readLayerTable } from '../src/architecture-table.ts'
import { checkLayers } from '../src/layers.ts'
import { sampleLayers, samplePackage, sampleWorkspace } from './sample.ts'

const layers = sampleLayers({ low: 0, mid: 1, peer: 1, top: 2 })
const others = [samplePackage('low', {}), samplePackage('peer', {}), samplePackage('top', {})]
const check = (files: Record<string, string>, manifest = {}): readonly string[] =>
  checkLayers(sampleWorkspace([...others, samplePackage('mid', files, { manifest })]), layers)

describe('checkLayers', () => {
  it('allows what stands in a lower layer', () => {
    expect(check({ 'src/index.ts': "import { a } from '@dagstore/low/node'" }, { dependencies: { '@dagstore/low': '1' } })).toEqual([])
  })

  it.each([
    { why: 'an import upwards', files: { 'src/index.ts': "\nexport * from '@dagstore/top'" }, manifest: {}, says: /packages\/mid\/src\/index.ts:2: .*upwards/ },
    { why: 'an import of types sideways', files: { 'src/index.ts': "import type { A } from '@dagstore/peer'" }, manifest: {}, says: /sideways/ },
    { why: 'an import upwards in a test', files: { 'test/a.test.ts': "import { a } from '@dagstore/top'" }, manifest: {}, says: /upwards/ },
    { why: 'a dependency sideways', files: {}, manifest: { dependencies: { '@dagstore/peer': '1' } }, says: /package.json dependencies: .*sideways/ },
    { why: 'a development dependency upwards', files: {}, manifest: { devDependencies: { '@dagstore/top': '1' } }, says: /devDependencies: .*upwards/ },
    { why: 'a package that does not exist', files: { 'src/index.ts': "import '@dagstore/ghost'" }, manifest: {}, says: /ghost is no package/ },
  ])('reports $why', ({ files, manifest, says }) => {
    expect(check(files, manifest)).toEqual([expect.stringMatching(says)])
  })

  it('reports a package without a layer and a layer without a package', () => {
    const found = checkLayers(sampleWorkspace([samplePackage('new', {})]), sampleLayers({ old: 0 }))
    expect(found).toEqual([expect.stringMatching(/packages\/new: has no layer/), expect.stringMatching(/packages\/old does not exist/)])
  })

  it('reports a fixture generator that uses our codec', () => {
    const fixtures = { ...samplePackage('x', { 'src/index.ts': "import '@dagstore/low'" }), folder: 'tooling/fixtures', manifest: { name: '@dagstore-tooling/fixtures' } }
    expect(checkLayers(sampleWorkspace([samplePackage('low', {})], [fixtures]), sampleLayers({ low: 0 }))).toEqual([expect.stringMatching(/test tool must not know @dagstore\/low/)])
  })
})

const table = `
# Architecture

| layer | package | what it is |
| --- | --- | --- |
| L0 | \`io\` | Ports \`x\`. |
| L5 | \`@dagstore/a\`, \`b\` **N** | Two. |

| L9 | \`not-in-the-table\` |
`

describe('readLayerTable', () => {
  it('reads layer, names and the mark N, and stops at the end of the table', () => {
    expect(readLayerTable(table)).toEqual(new Map([['io', { layer: 0, node: false }], ['a', { layer: 5, node: true }], ['b', { layer: 5, node: true }]]))
  })
})

describe('compareLayerTables', () => {
  it('is content with equal tables', () => {
    expect(compareLayerTables(sampleLayers({ io: 0, a: 5, b: 5 }, ['a', 'b']), readLayerTable(table))).toEqual([])
  })

  it.each([
    { why: 'another layer', code: sampleLayers({ io: 1, a: 5, b: 5 }, ['a', 'b']), name: /^io: .*L1.*L0/ },
    { why: 'another mark', code: sampleLayers({ io: 0, a: 5, b: 5 }, ['a']), name: /^b: .*L5, .*L5 N/ },
    { why: 'a row that only the code has', code: sampleLayers({ io: 0, a: 5, b: 5, c: 2 }, ['a', 'b']), name: /^c: .*L2.*nothing/ },
    { why: 'a row that only the document has', code: sampleLayers({ io: 0, a: 5 }, ['a']), name: /^b: .*nothing/ },
  ])('reports $why', ({ code, name }) => {
    expect(compareLayerTables(code, readLayerTable(table))).toEqual([expect.stringMatching(name)])
  })
})
