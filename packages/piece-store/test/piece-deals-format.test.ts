/** The examples of docs/formats/piece-deals.md. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createListReader } from '../src/list.ts'
import { collect } from './market-vectors.ts'

const page = readFileSync(new URL('../../../docs/formats/piece-deals.md', import.meta.url), 'utf8')
const blocks = (language: string): readonly string[] => [...page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(([, text]) => text!)
const read = (name: string, text: string): ReturnType<typeof collect> => collect(createListReader({ name, open: async function * () { yield new TextEncoder().encode(text) } }))

describe('docs/formats/piece-deals.md', () => {
  it('shows three deals that are the same in both forms', async () => {
    const { found, problems } = await read('deals.ndjson', blocks('ndjson')[0]!)
    expect(problems).toEqual([])
    expect(found.map(({ pieceCid, deals }) => [String(pieceCid), deals])).toEqual([
      ['baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq', [
        { dealId: '101', miner: 1000n, sector: 7n, offsetPadded: 0, lengthPadded: 2048, rawSize: 1900 },
        { dealId: '102', miner: 1001n, sector: undefined, offsetPadded: 0, lengthPadded: 2048, state: 'StorageDealStaged' },
      ]],
      ['baga6ea4seaqlqfyjsvd3rrmqmd7n4f7i73ybzuxfq4p4za6lft2jeaaaaguxefq', [
        { dealId: '6a7b8c9d-0000-4000-8000-000000000001', miner: 1000n, sector: 9223372036854775809n, offsetPadded: 2048, lengthPadded: 128 },
      ]],
    ])
    expect(await read('deals.csv', blocks('csv')[0]!)).toEqual({ found, problems: [] })
  })

  it('shows a damaged line and what is said of it', async () => {
    const { problems } = await read('deals.csv', blocks('csv')[1]!)
    expect(problems.map(({ place, error }) => `${place}: ${error.message}\n`)).toEqual(blocks('text'))
  })

  it('names the states that sealing has', async () => {
    const reader = createListReader({ name: 'deals', open: async function * () {} })
    const states = page.match(/A deal without a `state`[^]*?`parked`/)![0].match(/`(\w+)`/g)!.map((name) => name.slice(1, -1)).filter((name) => name !== 'state')
    expect(states).toHaveLength(9)
    const deal = { dealId: 'a', miner: 1n, sector: undefined, offsetPadded: 0, lengthPadded: 128 }
    for (const state of states) expect(reader.isWithSealing({ ...deal, state })).toBe(true)
    for (const state of ['StorageDealError', 'Accepted', 'active', '']) expect(reader.isWithSealing({ ...deal, state })).toBe(false)
    expect(reader.isWithSealing(deal)).toBe(true)
  })
})
