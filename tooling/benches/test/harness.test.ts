import { describe, expect, it } from 'vitest'
import { inChild } from '../src/child.mjs'
import { amounts, compare, median } from '../src/harness.mjs'
import { goalTable, tableOf } from '../src/table.mjs'

describe('median', () => {
  it.each([[[3, 1, 2], 2], [[4, 1, 2, 3], 2.5], [[7], 7]])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })
})

describe('compare', () => {
  it('takes turns, each round beginning with another case, each turn with runs that do not count', async () => {
    const order: string[] = []
    const one = (name: string, role: string): object => ({ name, role, run: () => { order.push(name) } })
    await compare({ what: 'turns', cases: [one('a', 'ours'), one('b', 'peer')], rounds: 2, warmUps: 1 } as never)
    expect(order.join('')).toBe('aabbbbaa')
  })

  it('relates ours to every peer and floor, cases measured elsewhere included, and carries the goal along', async () => {
    const { figures, ratios } = await compare({
      what: 'ratios', work: { bytes: 2 ** 20, items: 10 }, cases: [{ name: 'ours', role: 'ours', run: () => {} }], rounds: 1, warmUps: 0,
      measured: [{ name: 'go', role: 'peer', times: [1000, 2000, 3000] }], wanted: [{ name: 'ours', against: 'go', atLeast: 1 }],
    } as never)
    expect(figures[1]).toMatchObject({ name: 'go', ms: { median: 2000, min: 1000, max: 3000 }, mibPerSecond: 0.5, itemsPerSecond: 5 })
    expect(ratios).toMatchObject([{ name: 'ours', against: 'go', wanted: 1 }])
  })
})

describe('details', () => {
  it('of a case are told when all its runs are over, and shown beside those that have none', async () => {
    let runs = 0
    const many = { name: 'many', role: 'ours', run: () => { runs++ }, details: () => ({ p50Ms: runs, p99Ms: 77 }) }
    const compared = await compare({ what: 'requests', cases: [many, { name: 'one', role: 'peer', run: () => {} }], rounds: 2, warmUps: 1 } as never)
    expect(compared.figures[0]).toMatchObject({ name: 'many', p50Ms: 4, p99Ms: 77 })
    const [, heads, first, second] = tableOf(compared)
    expect(heads).toMatch(/p50 ms +p99 ms$/)
    expect(first).toMatch(/ 4 +77$/)
    const columns = (line: string | undefined): number => line?.trim().split(/ {2,}/).length ?? 0
    expect(columns(second)).toBeLessThan(columns(first))
  })
})

describe('inChild', () => {
  it('tells what the work gave and what it holds in memory', async () => {
    const { answer, live, peakMiB } = await inChild(new URL('child-of-test.mjs', import.meta.url), { mib: 64 }) as { answer: number, live: { buffersMiB: number }, peakMiB: number }
    expect(answer).toBe(64)
    expect(live.buffersMiB).toBeGreaterThan(60)
    expect(live.buffersMiB).toBeLessThan(70)
    expect(peakMiB).toBeGreaterThan(60)
  })

  it('rejects when the child fails', async () => {
    await expect(inChild(new URL('child-of-test.mjs', import.meta.url), { mib: -1 })).rejects.toThrow('code=1')
  })
})

const time = (wanted: number): never => {
  const figures = [{ name: 'ours', role: 'ours', ms: { median: 1, min: 1, max: 1 } }, { name: 'peer', role: 'peer', ms: { median: 2, min: 2, max: 2 } }]
  return { kind: 'time', what: 'x', rounds: 1, figures, ratios: [{ name: 'ours', against: 'peer', ratio: 2, wanted }] } as never
}
const memory = amounts({ what: 'memory of a shard', unit: 'KiB', figures: [{ name: 'ours', role: 'ours', value: 50, atMost: 64 }, { name: 'peer', role: 'peer', value: 900 }] })

describe('tableOf', () => {
  it('says of each goal whether it was reached', () => {
    expect(tableOf(time(3)).join('\n')).toMatch(/ours +peer +2 x +>= 3 x +missed/)
    expect(tableOf(time(2)).join('\n')).toMatch(/ours +peer +2 x +>= 2 x +reached/)
    expect(tableOf(memory).join('\n')).toMatch(/ours +50 KiB +<= 64 KiB +reached/)
  })

  it('keeps numbers and names apart in columns', () => {
    const lines: string[] = tableOf(memory)
    expect(lines.slice(1).map((line) => line.indexOf('KiB')).filter((at) => at >= 0).length).toBe(2)
  })
})

describe('goalTable', () => {
  it('lists what has a goal, of all measurements, and nothing else', () => {
    const lines: string[] = goalTable([{ name: 'one', comparisons: [time(3), memory] }, { name: 'two', comparisons: [] }])
    expect(lines).toHaveLength(3)
    expect(lines.filter((line) => line.includes('missed'))).toHaveLength(1)
  })
})
