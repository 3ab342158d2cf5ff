import { RpcError } from '@dagstore/json-rpc'
import type { DagstoreVerifyProgress, DagstoreVerifyReport, LotusApi } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import { remoteCalls } from '../src/backend/remote-calls.ts'

const report: DagstoreVerifyReport = { Key: 'k', Mode: 'full', Blocks: 2, Bytes: 100, Checked: 2, Bad: [], BadCount: 0, Repaired: [] }
const read = { key: 'k', mode: 'full', blocks: 2, bytes: 100, checked: 2, bad: [], badCount: 0, repaired: [] }

const verify = async (api: Partial<LotusApi>): Promise<{ readonly told: readonly unknown[], readonly result: unknown }> => {
  const told: unknown[] = []
  const result = await remoteCalls(api as LotusApi).verify('k', { mode: 'full', onProgress: (progress) => { told.push(progress) } })
  return { told, result }
}

const failing = (error: Error): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) })

describe('a verification by a daemon', () => {
  it('tells how far it is, as one of the store itself does', async () => {
    const asked: unknown[] = []
    const { told, result } = await verify({
      DagstoreVerifyShardProgress: async function * (...given): AsyncGenerator<DagstoreVerifyProgress, void, undefined> {
        asked.push(given.slice(0, 2))
        yield { DoneBytes: 10, TotalBytes: null, Report: null }
        yield { DoneBytes: 60, TotalBytes: 100, Report: null }
        yield { DoneBytes: 100, TotalBytes: 100, Report: report }
      },
    })
    expect(asked).toEqual([['k', { Mode: 'full', Seed: undefined }]])
    expect(told).toEqual([{ doneBytes: 10, totalBytes: undefined }, { doneBytes: 60, totalBytes: 100 }])
    expect(result).toEqual(read)
  })

  it('asks a daemon that cannot tell only for its end', async () => {
    const { told, result } = await verify({
      DagstoreVerifyShard: async () => report,
      DagstoreVerifyShardProgress: () => failing(new RpcError('RPC_UNKNOWN_METHOD', 'not found')),
    })
    expect([told, result]).toEqual([[], read])
  })

  it('fails as the daemon says', async () => {
    await expect(verify({
      DagstoreVerifyShard: async () => { throw new Error('asked again') },
      DagstoreVerifyShardProgress: () => failing(new RpcError('RPC_FAILED', 'no such shard', { data: { code: 'DAGSTORE_SHARD_UNKNOWN' } })),
    })).rejects.toMatchObject({ message: 'no such shard' })
  })
})
