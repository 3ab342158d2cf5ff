import { describe, expect, it } from 'vitest'
import { manifestProblems, uniformManifest } from '../../bootstrap/manifests.mjs'

const uniform = uniformManifest('a', { version: '0.1.0', description: 'A thing.', exports: { '.': {}, './node': {} }, dependencies: { b: '1', a: '1' } }) as Record<string, unknown>

describe('uniformManifest', () => {
  it('derives what follows from the folder and keeps what the package decides', () => {
    expect(uniform).toMatchObject({ name: '@dagstore/a', version: '0.1.0', dependencies: { a: '1', b: '1' } })
    expect(uniform['exports']).toMatchObject({ './node': { '@dagstore/source': './src/node.ts', types: './dist/node.d.ts', default: './dist/node.js' } })
    expect(Object.keys(Object.values(uniform['exports'] as object)[1] as object)).toEqual(['@dagstore/source', 'types', 'default'])
  })

  it('exports a WebAssembly module as the file itself, and packs it', () => {
    const manifest = uniformManifest('a', { version: '0.1.0', description: 'A thing.', exports: { '.': {}, './a.wasm': {} } }) as Record<string, unknown>
    expect(manifest).toMatchObject({ exports: { './a.wasm': { types: './a.wasm.d.ts', default: './a.wasm' } }, files: expect.arrayContaining(['a.wasm', 'a.wasm.d.ts']) as unknown })
  })

  it('is its own result', () => {
    expect(JSON.stringify(uniformManifest('a', uniform))).toBe(JSON.stringify(uniform))
  })
})

describe('manifestProblems', () => {
  it('has none with a uniform manifest', () => {
    expect(manifestProblems('a', uniform)).toEqual([])
  })

  it.each([
    { why: 'another licence', manifest: { ...uniform, license: 'MIT' }, says: /^license: / },
    { why: 'another name than the folder', manifest: { ...uniform, name: '@dagstore/b' }, says: /^name: / },
    { why: 'an unknown field', manifest: { ...uniform, main: './dist/index.js' }, says: /^main: not a field/ },
    { why: 'a missing script', manifest: { ...uniform, scripts: {} }, says: /^scripts: / },
    { why: 'conditions in another order', manifest: { ...uniform, exports: { '.': { types: './dist/index.d.ts', '@dagstore/source': './src/index.ts', default: './dist/index.js' } } }, says: /^exports: / },
    { why: 'unsorted dependencies', manifest: { ...uniform, dependencies: { b: '1', a: '1' } }, says: /^dependencies: / },
    { why: 'fields out of order', manifest: Object.fromEntries(Object.entries(uniform).reverse()), says: /out of order/ },
    { why: 'no description', manifest: { ...uniform, description: '' }, says: /^description: missing/ },
  ])('reports $why', ({ manifest, says }) => {
    expect(manifestProblems('a', manifest)).toContainEqual(expect.stringMatching(says))
  })
})
