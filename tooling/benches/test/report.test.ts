import { describe, expect, it } from 'vitest'
import { readDocument, readResults } from '../report.mjs'
import { goalsOf, ordered, unexplained, updated } from '../src/report.mjs'

const machine = { cpu: 'a processor', threads: 2, memoryGiB: 8, system: 'a system', node: 'v20.0.0', loadBefore: 0.1, date: '2026-01-02', peers: { other: '1.2.3' } }
const result = (name: string, ratio: number): never => ({
  name, title: 'Some work', machine,
  comparisons: [
    {
      kind: 'time', what: 'ten of them', rounds: 3, work: { items: 10 },
      figures: [{ name: 'ours', role: 'ours', ms: { median: 2, min: 1, max: 3 }, itemsPerSecond: 5000 }, { name: 'other', role: 'peer', ms: { median: 4, min: 4, max: 4 }, itemsPerSecond: 2500 }],
      ratios: [{ name: 'ours', against: 'other', ratio, wanted: 2 }],
    },
    { kind: 'amount', what: 'memory', unit: 'MiB', figures: [{ name: 'ours', role: 'ours', value: 3, atMost: 4 }] },
  ],
}) as never

const EMPTY = ['machine', 'goals', 'measurements'].map((name) => `text\n<!-- ${name}: made by tooling/benches/report.mjs -->\nold\n<!-- end of ${name} -->\n`).join('') + '## What is missed\n'

describe('docs/performance.md', () => {
  it('has the tables of the committed results', () => {
    expect(readDocument()).toBe(updated(readDocument(), readResults()))
  })

  it('says of each measurement that misses a goal by how much and why', () => {
    expect(unexplained(readDocument(), readResults())).toEqual([])
  })
})

describe('the report', () => {
  it('makes its blocks anew and keeps the rest', () => {
    const once: string = updated(EMPTY, [result('get', 1)])
    expect(once).not.toContain('old')
    expect(once).toContain('text')
    expect(once).toContain('| ours | other | 1 × | ≥ 2 × | **missed** |')
    expect(once).toContain('| other | 1.2.3 |')
    expect(updated(once, [result('get', 1)])).toBe(once)
    expect(() => updated('', [result('get', 1)])).toThrow('block=machine')
  })

  it('orders measurements as the document does, and puts strangers last', () => {
    expect(ordered([result('zebra', 1), result('get', 1), result('apple', 1), result('index-scan', 1)]).map(({ name }: { name: string }) => name)).toEqual(['index-scan', 'get', 'apple', 'zebra'])
  })

  it('lists all goals with their verdicts', () => {
    expect(goalsOf([result('get', 3)])).toMatchObject([{ got: '3 ×', verdict: 'reached' }, { got: '3 MiB', goal: '≤ 4 MiB', verdict: 'reached' }])
  })

  it('misses a reason where none is given', () => {
    expect(unexplained(EMPTY, [result('get', 1), result('open', 3)])).toEqual(['get'])
    expect(unexplained(`${EMPTY}- **get**: half of the goal, since it waits.\n`, [result('get', 1)])).toEqual([])
  })
})
