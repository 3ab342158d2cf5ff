import { describe, expect, it } from 'vitest'
import { checkDependencies } from '../src/dependencies.ts'
import type { Manifest } from '../src/workspace.ts'
import { samplePackage, sampleWorkspace } from './sample.ts'

const other = samplePackage('other', {}, { exports: ['.', './node'] })
const check = (files: Record<string, string>, manifest: Manifest = {}): readonly string[] =>
  checkDependencies(sampleWorkspace([other, samplePackage('own', files, { manifest })]))

const both: Manifest = { dependencies: { '@dagstore/other': '1' } }

describe('checkDependencies', () => {
  it('allows declared packages, exported subpaths, built-ins, own files and the shared test tools', () => {
    expect(check({
      'src/index.ts': "import { a } from '@dagstore/other/node'\nimport fs from 'node:fs'\nexport * from './deep/b.ts'\nimport own from '../package.json' with { type: 'json' }",
      'src/deep/b.ts': 'export const b = 1',
      'test/b.test.ts': "import { it } from 'vitest'\nimport { b } from '../src/deep/b.ts'\nimport fc from 'fast-check'\nnew URL('../../../docs/formats/index.md', import.meta.url)",
    }, { ...both, devDependencies: { 'fast-check': '1' } })).toEqual([])
  })

  it.each([
    { why: 'an undeclared package', files: { 'src/index.ts': "import 'left-pad'" }, manifest: {}, says: /index.ts:1: "left-pad" is not declared/ },
    { why: 'a development dependency imported by src', files: { 'src/index.ts': "import 'a'" }, manifest: { devDependencies: { a: '1' } }, says: /"a" is not declared/ },
    { why: 'a shared test tool imported by src', files: { 'src/index.ts': "import 'vitest'" }, manifest: {}, says: /"vitest" is not declared/ },
    { why: 'a subpath into another package', files: { 'src/index.ts': "import '@dagstore/other/src/index.ts'" }, manifest: both, says: /src\/index.ts" is not exported/ },
    { why: 'a relative path into another package', files: { 'test/a.test.ts': "import '../../other/src/index.ts'" }, manifest: {}, says: /leaves the package/ },
    { why: 'a document elsewhere, named by src', files: { 'src/index.ts': "new URL('../../../docs/a.md', import.meta.url)" }, manifest: {}, says: /leaves the package/ },
    { why: 'a test helper imported by src', files: { 'src/index.ts': "import '../test/a.ts'", 'test/a.ts': '' }, manifest: {}, says: /leaves src/ },
    { why: 'a file that does not exist', files: { 'src/index.ts': "import './gone.ts'" }, manifest: {}, says: /gone.ts" does not exist/ },
    { why: 'a specifier without an extension', files: { 'src/index.ts': "import './gone'" }, manifest: {}, says: /no file extension/ },
    { why: 'its own name', files: { 'src/index.ts': "import '@dagstore/own'" }, manifest: {}, says: /imports itself/ },
    { why: 'an unused dependency', files: {}, manifest: both, says: /dependency "@dagstore\/other" is not imported by src/ },
    { why: 'a dependency that only tests use', files: { 'test/a.test.ts': "import '@dagstore/other'" }, manifest: both, says: /not imported by src/ },
    { why: 'an unused development dependency', files: {}, manifest: { devDependencies: { a: '1' } }, says: /devDependency "a" is not imported/ },
    { why: 'a dependency declared twice', files: { 'src/index.ts': "import 'a'" }, manifest: { dependencies: { a: '1' }, devDependencies: { a: '1' } }, says: /declared twice/ },
  ])('reports $why', ({ files, manifest, says }) => {
    expect(check(files as unknown as Record<string, string>, manifest)).toEqual([expect.stringMatching(says)])
  })
})
