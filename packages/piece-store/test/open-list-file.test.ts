import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pieceCidV1 } from '@dagstore/piece'
import { afterAll, expect, it } from 'vitest'
import { openListFile } from '../src/node.ts'
import { collect } from './market-vectors.ts'

const root = mkdtempSync(join(tmpdir(), 'piece-store-test-'))
afterAll(() => { rmSync(root, { recursive: true, force: true }) })

const piece = pieceCidV1(new Uint8Array(32))

it('reads a list in a file as often as it is asked, and places problems by the name of the file', async () => {
  const file = join(root, 'deals.csv')
  writeFileSync(file, `pieceCid,dealId,miner,lengthPadded\n${piece},1,1000,128\n${piece},2,x,128\n`)
  const reader = openListFile(file)
  for (let round = 0; round < 2; round++) {
    const { found, problems } = await collect(reader)
    expect(found.flatMap(({ deals }) => deals.map(({ dealId }) => dealId))).toEqual(['1'])
    expect(problems.map(({ place, error }) => [place, error.field])).toEqual([[`deals.csv:3:${String(piece).length + 4}`, 'miner']])
  }
  await reader.close()
  await expect(collect(reader)).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
})

it('rejects with a code when the file cannot be read, and with the reason of an abort', async () => {
  await expect(collect(openListFile(join(root, 'nowhere.csv')))).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
  await expect(collect(openListFile(root))).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
  const reason = new Error('enough')
  await expect(collect(openListFile(join(root, 'deals.csv')), AbortSignal.abort(reason))).rejects.toBe(reason)
})
