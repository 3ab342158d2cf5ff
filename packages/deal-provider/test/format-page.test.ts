/** The examples of docs/formats/migration.md are what is written. */
import { readFileSync } from 'node:fs'
import { PieceStoreError } from '@dagstore/piece-store'
import { MemoryLevel } from 'memory-level'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { encodeAdoptLine, encodeReportLine } from '../src/index.ts'
import { folderOf, openAdoptHarness } from './adopt-harness.ts'
import { deal, openMigrateHarness, readerOf } from './migrate-harness.ts'

const page = readFileSync(new URL('../../../docs/formats/migration.md', import.meta.url), 'utf8')
const blocks = [...page.matchAll(/```(?:text|json)\n(.*?)```/gsu)].map(([, text = '']) => text)

it('the rows and the report of a migration', async () => {
  const [rows, report] = blocks
  const [first, second] = [...new Set(report!.match(/baga\w+/gu))].map((text) => CID.parse(text))
  await using h = await openMigrateHarness()
  const listed = [{ pieceCid: first!, deals: [deal('4', { sector: 7n, offsetPadded: 2048, rawSize: 1999 }), deal('5', { sector: 8n })] }, { pieceCid: second!, deals: [deal('6', { sector: undefined })] }]
  await h.migrate([], { reader: readerOf(() => listed, 'lotus') })
  const found: string[] = []
  for await (const [key, value] of (h.db as MemoryLevel<any, any>).iterator<string, string>({ gte: '!migration!', lt: '!migration~', keyEncoding: 'utf8', valueEncoding: 'utf8' })) found.push(`${key} = ${value.replace('\n', '\\n')}\n`)
  expect(found.join('')).toBe(rows)
  const problem = { place: 'deals.ndjson:4', error: new PieceStoreError('PIECE_STORE_BAD_ROW', 'no JSON') }
  expect([...h.lines, problem].map(encodeReportLine).join('')).toBe(report)
})

it('the report of an adoption', async () => {
  const records = new MemoryLevel<any, any>({ storeEncoding: 'view' })
  await records.put('/dagstore/a', JSON.stringify({ k: 'a', u: 'bytes:AAAA', t: '', s: 2, l: false, e: '' }))
  await records.put('/dagstore/b', '[]')
  await using h = await openAdoptHarness({})
  await h.adopt(await folderOf({}), records)
  const lines = [...h.lines].sort((one) => ('row' in one ? 1 : -1))
  expect(lines.map(encodeAdoptLine).join('')).toBe(blocks[2])
})
