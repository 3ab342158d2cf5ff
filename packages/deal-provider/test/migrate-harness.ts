/** A store on memory or on a world that crashes, and the deals of another system as a test says. */
import { createFakeClock } from '@dagstore-tooling/testkit'
import { type Dagstore, openDagstore } from '@dagstore/dagstore'
import { createHashes } from '@dagstore/hashes'
import { type AnyLevel, createMemoryDirectory, type Directory } from '@dagstore/io'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { bytesMount, createMountRegistry } from '@dagstore/mounts'
import { pieceCidV1 } from '@dagstore/piece'
import { openPieceStore, type PieceDeal, type PieceDealReader, type PieceDeals, PieceStoreError, type PieceStore } from '@dagstore/piece-store'
import { MemoryLevel } from 'memory-level'
import type { CID } from 'multiformats/cid'
import { type DealLine, migrateDeals, type MigrateDealsOptions, type MigrationResult, type ReportLine } from '../src/index.ts'

export const pieceAt = (at: number): CID => {
  const commitment = new Uint8Array(32)
  new DataView(commitment.buffer).setUint32(0, Math.imul(at, 0x9e3779b1))
  new DataView(commitment.buffer).setUint32(4, at)
  return pieceCidV1(commitment)
}

export const deal = (dealId: string, more: Partial<PieceDeal> = {}): PieceDeal =>
  ({ dealId, miner: 1000n, sector: BigInt(dealId.replace(/\D/gu, '') || 1), offsetPadded: 0, lengthPadded: 2048, state: 'StorageDealActive', ...more })

const WITH_SEALING: ReadonlySet<string | undefined> = new Set([
  'StorageDealStaged', 'StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive', undefined,
])

export type Listed = PieceDeals | { readonly problem: string } | { readonly fail: Error }

export const readerOf = (listed: () => Iterable<Listed>, name = 'test'): Pick<PieceDealReader, 'name' | 'list' | 'isWithSealing'> => ({
  name,
  isWithSealing: ({ state }) => WITH_SEALING.has(state),
  list: async function * ({ onProblem, signal } = {}) {
    for (const item of listed()) {
      signal?.throwIfAborted()
      if ('problem' in item) onProblem?.({ place: item.problem, error: new PieceStoreError('PIECE_STORE_BAD_ROW', 'damaged') })
      else if ('fail' in item) throw item.fail
      else yield item
    }
  },
})

export interface MigrateHarness extends AsyncDisposable {
  readonly dagstore: Dagstore
  readonly pieces: PieceStore
  readonly db: AnyLevel
  readonly files: Directory
  readonly lines: ReportLine[]
  /** `report` is emptied first. */
  migrate(listed: readonly Listed[], options?: Partial<MigrateDealsOptions>): Promise<MigrationResult>
  /** Of the last run. */
  outcomes(): Record<string, string>
}

export const openMigrateHarness = async (storage: { readonly db?: AnyLevel, readonly files?: Directory } = {}): Promise<MigrateHarness> => {
  const { db = new MemoryLevel<any, any>({ storeEncoding: 'view' }), files = createMemoryDirectory('test') } = storage
  const never = async (): Promise<never> => { throw new Error('migrations read no data') }
  const dagstore = await openDagstore({
    db, files, mounts: createMountRegistry([lotusMount({ stat: never, open: never }), bytesMount()]), hashes: createHashes(), clock: createFakeClock(),
  })
  const pieces = await openPieceStore(db)
  const lines: ReportLine[] = []
  return {
    dagstore, pieces, db, files, lines,
    migrate: (listed, options = {}) => {
      lines.length = 0
      return migrateDeals({ reader: readerOf(() => listed), dagstore, pieces, db, onReport: (more) => { lines.push(...more) }, ...options })
    },
    outcomes: () => Object.fromEntries(lines.filter((line): line is DealLine => 'deal' in line).map((line) => [line.deal, line.outcome])),
    [Symbol.asyncDispose]: () => dagstore.close(),
  }
}

export const keysOf = async (dagstore: Dagstore): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of dagstore.shards()) keys.push(key)
  return keys
}

/** Every row of a database, as text. */
export const rowsOf = async (db: AnyLevel): Promise<string[]> => {
  const rows: string[] = []
  for await (const [key, value] of (db as MemoryLevel<any, any>).iterator({ keyEncoding: 'hex', valueEncoding: 'hex' })) rows.push(`${key} ${value}`)
  return rows
}
