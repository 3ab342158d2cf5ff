import { describe, expect, it } from 'vitest'
import { compare, median } from '../src/harness.mjs'
import { tableOf } from '../src/table.mjs'

describe('median', () => {
  it.each([[[3, 1, 2], 2], [[4, 1, 2, 3], 2.5], [[7], 7]])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })
})

describe('compare', () => {
  it('takes turns, each round beginning with another case, after the warm-up', async () => {
    const order: string[] = []
    const one = (name: string, role: string): object => ({ name, role, run: () => { order.push(name) } })
    await compare({ what: 'turns', cases: [one('a', 'ours'), one('b', 'peer')], rounds: 2, warmUps: 1 } as never)
    expect(order.join('')).toBe('ababba')
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

describe('tableOf', () => {
  it('says of each goal whether it was reached', () => {
    const figures = [{ name: 'ours', role: 'ours', ms: { median: 1, min: 1, max: 1 } }, { name: 'peer', role: 'peer', ms: { median: 2, min: 2, max: 2 } }]
    const lines = tableOf({ what: 'x', rounds: 1, figures, ratios: [{ name: 'ours', against: 'peer', ratio: 2, wanted: 3 }, { name: 'ours', against: 'peer', ratio: 2, wanted: 2 }] } as never).join('\n')
    expect(lines).toContain('wanted 3: NOT reached')
    expect(lines).toContain('wanted 2: reached')
  })
})
