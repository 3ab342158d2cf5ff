import { describe, expect, it } from 'vitest'
import { checkDecisions } from '../src/decisions.ts'
import { samplePackage } from './sample.ts'

const table = '| dependency | why |\n| --- | --- |\n| `a`, `@b/c` | since `d` will not do |\n'
const packages = [samplePackage('x', {}, { manifest: { dependencies: { a: '1', '@dagstore/y': '1' } } }), samplePackage('y', {}, { manifest: { dependencies: { '@b/c': '1' }, devDependencies: { e: '1' } } })]

describe('checkDecisions', () => {
  it('is content when each runtime dependency has its line', () => {
    expect(checkDecisions(packages, table)).toEqual([])
  })

  it('takes one that users install themselves as any other', () => {
    const optional = [...packages, samplePackage('z', {}, { manifest: { peerDependencies: { f: '1' }, optionalDependencies: { g: '1' } } })]
    expect(checkDecisions(optional, `${table}| \`f\`, \`g\` | optional |\n`)).toEqual([])
    expect(checkDecisions(optional, table)).toEqual([expect.stringMatching(/packages\/z.* f has no line/), expect.stringMatching(/packages\/z.* g has no line/)])
  })

  it('reports a dependency without a line and a line without a dependency', () => {
    expect(checkDecisions(packages, table.replace('`a`', '`f`'))).toEqual([expect.stringMatching(/packages\/x.* a has no line/), expect.stringMatching(/: f is no runtime dependency/)])
  })
})
