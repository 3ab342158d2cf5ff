import { describe, expect, it } from 'vitest'
import { checkCycles, findCycles } from '../src/cycles.ts'
import { checkEntries, reachableFrom } from '../src/entries.ts'
import { samplePackage } from './sample.ts'

describe('reachableFrom', () => {
  it('follows imports, exports-from and files beside the code, and skips what is outside', () => {
    const { files } = samplePackage('a', {
      'src/index.ts': "export * from './b.ts'\nimport 'x'",
      'src/b.ts': "import type { C } from './deep/c.ts'\nnew URL('./w.js', import.meta.url)",
      'src/deep/c.ts': "import '../../other.ts'",
      'src/w.js': '',
      'src/lonely.ts': '',
    })
    expect([...reachableFrom(files, ['src/index.ts'])].sort()).toEqual(['src/b.ts', 'src/deep/c.ts', 'src/index.ts', 'src/w.js'])
  })
})

describe('checkEntries', () => {
  it('is content when every export has its source and every source its export', () => {
    const pkg = samplePackage('a', { 'src/index.ts': "export * from './b.ts'", 'src/b.ts': '', 'src/node.ts': '', 'src/bin.ts': '' },
      { exports: ['.', './node'], manifest: {} })
    expect(checkEntries([{ ...pkg, manifest: { ...pkg.manifest, bin: { a: './dist/bin.js' } } }])).toEqual([])
  })

  it('asks for no source of a WebAssembly module', () => {
    const exports = { '.': { '@dagstore/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' }, './a.wasm': { types: './a.wasm.d.ts', default: './a.wasm' } }
    expect(checkEntries([samplePackage('a', { 'src/index.ts': '' }, { manifest: { exports } })])).toEqual([])
  })

  it('reports an export without its source', () => {
    expect(checkEntries([samplePackage('a', { 'src/index.ts': '' }, { exports: ['.', './node'] })])).toEqual([expect.stringMatching(/"\.\/node" leads to src\/node.ts, which does not exist/)])
  })

  it('reports a source that no export leads to', () => {
    expect(checkEntries([samplePackage('a', { 'src/index.ts': '', 'src/b.ts': '' })])).toEqual(['packages/a/src/b.ts: no export leads here'])
  })

  it('reports conditions that name different modules', () => {
    const manifest = { exports: { '.': { '@dagstore/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/main.js' } } }
    expect(checkEntries([samplePackage('a', { 'src/index.ts': '' }, { manifest })])).toEqual([expect.stringMatching(/different modules: index, main/)])
  })
})

describe('findCycles', () => {
  it('finds none where paths merely meet again', () => {
    expect(findCycles(new Map([['a', ['b', 'c']], ['b', ['d']], ['c', ['d']], ['d', []]]))).toEqual([])
  })

  it('finds a circle of three and a file that imports itself, each once', () => {
    expect(findCycles(new Map([['a', ['b']], ['b', ['c']], ['c', ['a']], ['s', ['s']]]))).toEqual([['a', 'b', 'c', 'a'], ['s', 's']])
  })
})

describe('checkCycles', () => {
  it('reports files that import each other, if only for types', () => {
    const pkg = samplePackage('a', { 'src/index.ts': "import { b } from './b.ts'", 'src/b.ts': "import type { A } from './index.ts'" })
    expect(checkCycles([pkg])).toEqual(['packages/a: files import each other in a circle: src/b.ts -> src/index.ts -> src/b.ts'])
  })
})
