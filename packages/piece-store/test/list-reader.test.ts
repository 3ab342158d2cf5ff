import { pieceCidV1, pieceCidV2 } from '@dagstore/piece'
import { describe, expect, it } from 'vitest'
import { asPieceStore, type DealProblem, type PieceDealReader, type PieceDeals } from '../src/index.ts'
import { createListReader } from '../src/list.ts'

const commitment = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const cid = (n: number): string => String(pieceCidV1(commitment(n)))

const readerOf = (text: string | Uint8Array, chunkBytes = 7): PieceDealReader => {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  return createListReader({
    name: 'deals',
    open: async function * () {
      for (let at = 0; at < bytes.byteLength; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
    },
  })
}

const collect = async (reader: PieceDealReader): Promise<{ found: PieceDeals[], problems: DealProblem[] }> => {
  const found: PieceDeals[] = []
  const problems: DealProblem[] = []
  for await (const deals of reader.list({ onProblem: (problem) => { problems.push(problem) } })) found.push(deals)
  return { found, problems }
}

const placesOf = (problems: readonly DealProblem[]): (readonly [string, string | undefined])[] => problems.map(({ place, error }) => [place, error.field])

describe('createListReader', () => {
  it('reads records of NDJSON, whose ids keep all their digits', async () => {
    const { found, problems } = await collect(readerOf([
      `{"pieceCid":"${cid(1)}","deals":[{"dealId":18446744073709551615,"miner":"f01000","sector":9223372036854775809,"offsetPadded":256,"lengthPadded":2048,"rawSize":1900,"state":"Complete"},{"dealId":"a","miner":1000,"lengthPadded":"2048"}]}`,
      '', `{"miner":"1001","pieceCid":"${cid(2)}","dealId":"b","sector":null,"offsetPadded":0,"lengthPadded":128,"else":[{}]}`,
    ].join('\r\n')))
    expect(problems).toEqual([])
    expect(found.map(({ pieceCid, deals }) => [String(pieceCid), deals])).toEqual([
      [cid(1), [
        { dealId: '18446744073709551615', miner: 1000n, sector: 9223372036854775809n, offsetPadded: 256, lengthPadded: 2048, rawSize: 1900, state: 'Complete' },
        { dealId: 'a', miner: 1000n, sector: undefined, offsetPadded: 0, lengthPadded: 2048 },
      ]],
      [cid(2), [{ dealId: 'b', miner: 1001n, sector: undefined, offsetPadded: 0, lengthPadded: 128 }]],
    ])
  })

  it('reads CSV, whose columns stand in any order, and gives neighbours of one piece together', async () => {
    const { found, problems } = await collect(readerOf(`\ufeffdealId,note,pieceCid,sector,offsetPadded,lengthPadded,miner\n1,"a ""b"", c",${cid(1)},7,0,2048,t01000\n2,,${cid(1)},8,128,2048,1000\n3,,${cid(2)},,,2048,1000\n`))
    expect(problems).toEqual([])
    expect(found.map(({ deals }) => deals.map(({ dealId, sector }) => [dealId, sector]))).toEqual([[['1', 7n], ['2', 8n]], [['3', undefined]]])
  })

  it('takes v2 piece CIDs, which say the length of the payload', async () => {
    const v2 = String(pieceCidV2(commitment(1), 1900))
    const second = `{"pieceCid":"${v2}","dealId":"2","miner":1,"lengthPadded":2048,"rawSize":1901}`
    const { found, problems } = await collect(readerOf(`{"pieceCid":"${v2}","dealId":"1","miner":1,"lengthPadded":2048}\n${second}`))
    expect(String(found[0]?.pieceCid)).toBe(cid(1))
    expect(found[0]?.deals[0]?.rawSize).toBe(1900)
    expect(placesOf(problems)).toEqual([[`deals:2:${second.indexOf('1901') + 1}`, 'rawSize']])
  })

  it('tells of damaged rows by line, column and field, and reads on', async () => {
    const good = `{"pieceCid":"${cid(1)}","dealId":"1","miner":1,"lengthPadded":128}`
    const last = `{"pieceCid":"${cid(1)}","deals":[{"dealId":"2","miner":"x","lengthPadded":128},{"dealId":"3","miner":1,"lengthPadded":128}, 7]}`
    const { found, problems } = await collect(readerOf([good, '{"pieceCid":1}', '{', good, '[]', last].join('\n')))
    expect(found.flatMap(({ deals }) => deals.map(({ dealId }) => dealId))).toEqual(['1', '1', '3'])
    expect(placesOf(problems)).toEqual([
      ['deals:2:13', 'pieceCid'], ['deals:3:2', undefined], ['deals:5:1', undefined], [`deals:6:${last.indexOf('"x"') + 1}`, 'miner'], [`deals:6:${last.indexOf('7]') + 1}`, undefined],
    ])
    expect(problems.every(({ error }) => error.code === 'PIECE_STORE_BAD_ROW')).toBe(true)
  })

  it('rejects with the first damaged row when nobody listens', async () => {
    const list = readerOf(`dealId,pieceCid,lengthPadded,miner\n1,${cid(1)},128,1\n1,${cid(1)},129,1`).list()
    await expect(all(list)).rejects.toMatchObject({ code: 'PIECE_STORE_BAD_ROW', field: 'lengthPadded' })
  })

  it('finds every deal of a piece by either CID', async () => {
    const reader = readerOf([1, 2, 1].map((n, at) => `{"pieceCid":"${cid(n)}","dealId":"${at}","miner":1,"sector":${at},"offsetPadded":0,"lengthPadded":128}`).join('\n'))
    expect((await reader.get(pieceCidV2(commitment(1), 100)))?.deals.map(({ dealId }) => dealId)).toEqual(['0', '2'])
    expect(await reader.get(pieceCidV1(commitment(3)))).toBeUndefined()
    expect((await asPieceStore(reader).get(pieceCidV1(commitment(1)))).map(({ sector }) => sector)).toEqual([0n, 2n])
  })
})

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
