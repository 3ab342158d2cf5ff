/**
 * From format 1 to 2, in place. Records of format 1 are records of format 2: what they lack has a default. Only errored shards
 * with a passing failure are written anew, due at once, since format 1 knew no retries. The format row goes first, together
 * with a mark that the upgrade is under way: no earlier version opens a half of it, and the next opening goes on.
 */
import { type Operation, type Rows, SYNC, writeRows } from './rows.ts'
import { encodeU32, healthByte, indexRows, keyOfStateRow, metaRow, PRESENT, recordRow, stateRange } from './layout.ts'
import { decodeRecord, encodeRecord } from './record-codec.ts'

const PAGE = 256

export const upgradeCatalogue = async (rows: Rows, version: number): Promise<void> => {
  await rows.batch([
    { type: 'put', key: metaRow('format'), value: encodeU32(version) },
    { type: 'put', key: metaRow('upgrade'), value: encodeU32(1) },
  ], SYNC)
  for (let after: string | undefined; ;) {
    const keys = (await rows.keys({ ...stateRange(healthByte('errored'), after), limit: PAGE }).all()).map(keyOfStateRow)
    const records = await rows.getMany(keys.map(recordRow))
    const operations = keys.flatMap((key, at) => withRetry(key, records[at]))
    if (operations.length > 0) await writeRows(rows, operations)
    after = keys.at(-1)
    if (after === undefined || keys.length < PAGE) break
  }
  await rows.del(metaRow('upgrade'), SYNC)
}

const withRetry = (key: string, bytes: Uint8Array | undefined): Operation[] => {
  if (bytes === undefined) return []
  const { record, version, damaged } = decodeRecord(bytes)
  const { failure } = record
  if (damaged || failure?.retry !== 'later' || failure.nextRetryAt !== undefined || Number.isNaN(Date.parse(failure.at))) return []
  const due = { ...record, failure: { ...failure, nextRetryAt: failure.at } }
  return [
    { type: 'put', key: recordRow(key), value: encodeRecord(due, version + 1n) },
    ...indexRows(key, due).map((row): Operation => ({ type: 'put', key: row, value: PRESENT })),
  ]
}
