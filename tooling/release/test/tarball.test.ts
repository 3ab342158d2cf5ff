import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readTarball, tarballProblems } from '../src/tarball.mjs'

const entry = (name: string, body: string): Buffer => {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write(body.length.toString(8).padStart(11, '0'), 124)
  header.write('0', 156)
  const padded = Buffer.alloc(Math.ceil(body.length / 512) * 512)
  padded.write(body)
  return Buffer.concat([header, padded])
}
const tarball = (files: Record<string, string>): Buffer => gzipSync(Buffer.concat([...Object.entries(files).map(([name, body]) => entry(`package/${name}`, body)), Buffer.alloc(1024)]))

const manifest = {
  name: '@dagstore/a',
  exports: { '.': { '@dagstore/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' } },
  dependencies: { b: '^1.0.0' },
}
const whole = {
  'package.json': JSON.stringify(manifest), 'README.md': '# a', 'LICENSE-APACHE': 'x', 'LICENSE-MIT': 'x'.repeat(700),
  'src/index.ts': '', 'dist/index.js': '', 'dist/index.d.ts': '', 'dist/index.js.map': '{"sources":["../src/index.ts"]}',
}
const without = (name: keyof typeof whole): Record<string, string> => Object.fromEntries(Object.entries(whole).filter(([key]) => key !== name))
const problems = (files: Record<string, string>): readonly string[] => tarballProblems(readTarball(tarball(files)))

describe('tarballProblems', () => {
  it('finds none in a whole package', () => {
    expect(problems(whole)).toEqual([])
  })

  it.each([
    { why: 'no licence text', files: without('LICENSE-MIT'), says: [/^LICENSE-MIT is missing/] },
    { why: 'no README', files: without('README.md'), says: [/^README.md is missing/] },
    { why: 'an export without its file', files: without('dist/index.js'), says: [/"default": \.\/dist\/index.js is missing/] },
    { why: 'an export without its source', files: without('src/index.ts'), says: [/source": \.\/src\/index.ts is missing/, /points to \.\.\/src\/index.ts/] },
    { why: 'a test', files: { ...whole, 'test/a.test.ts': '' }, says: [/test\/a.test.ts must not be packed/] },
    { why: 'a compiler cache', files: { ...whole, 'dist/a.tsbuildinfo': '' }, says: [/tsbuildinfo must not be packed/] },
    { why: 'a workspace range', files: { ...whole, 'package.json': JSON.stringify({ ...manifest, dependencies: { b: 'workspace:^' } }) }, says: [/still says "workspace:\^"/] },
    { why: 'a catalogue range', files: { ...whole, 'package.json': JSON.stringify({ ...manifest, dependencies: { b: 'catalog:' } }) }, says: [/still says "catalog:"/] },
    { why: 'a command without its file', files: { ...whole, 'package.json': JSON.stringify({ ...manifest, bin: { a: './dist/bin.js' } }) }, says: [/bin "a": \.\/dist\/bin.js is missing/] },
  ])('reports $why', ({ files, says }) => {
    expect(problems(files)).toEqual(says.map((pattern) => expect.stringMatching(pattern)))
  })
})
