import { afterEach, describe, expect, it } from 'vitest'
import type { LotusApi, MinerDeal } from '@dagstore/lotus-api'
import { serve, type World, call } from './server.ts'

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

const api: Partial<LotusApi> = {
  DagstoreListShards: async () => [{ Key: 'a', State: 'ShardStateAvailable', Error: '' }],
  DagstoreGC: async () => [],
  DagstoreInitializeAll: async function * ({ MaxConcurrency }) {
    for (let Current = 1; Current <= MaxConcurrency; Current++) yield { Key: `k${Current}`, Event: 'end', Success: true, Error: '', Total: MaxConcurrency, Current }
  },
  MarketGetDealUpdates: async function * (options): AsyncGenerator<MinerDeal> {
    await new Promise((_resolve, reject) => { options?.signal?.addEventListener('abort', () => { reject(options.signal?.reason as Error) }) })
  },
}

describe('serveRpc', () => {
  it('answers by POST and over a WebSocket at both paths', async () => {
    world = await serve({ api })
    for (const path of ['/rpc/v0', '/rpc/v1']) {
      const answer = await world.post(call('DagstoreListShards'), {}, path)
      expect(await answer.json()).toEqual({ jsonrpc: '2.0', id: 1, result: [{ Key: 'a', State: 'ShardStateAvailable', Error: '' }] })
    }
    expect(await world.client(['read']).DagstoreListShards()).toEqual([{ Key: 'a', State: 'ShardStateAvailable', Error: '' }])
    const events: number[] = []
    for await (const { Current } of world.client(['write']).DagstoreInitializeAll({ MaxConcurrency: 3, IncludeSealed: false })) events.push(Current)
    expect(events).toEqual([1, 2, 3])
  })
})
