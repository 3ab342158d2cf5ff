/** What may be in a shard that has no index yet. */
import { asciiText, rawNode } from '@dagstore-tooling/fixtures/gateway'
import { expect, it } from 'vitest'
import { cidOf, inEveryForm, withPlace } from './harness.ts'
import { openTestStore } from './store.ts'

const text = cidOf(asciiText)

inEveryForm('what may be in a shard without an index', (form) => {
  const [absent] = rawNode(new TextEncoder().encode('in a shard that is not indexed')).blocks

  it.each(['raw', 'car'])('is 503 with Retry-After, and never 404: %s', async (format) => {
    const blockstore = openTestStore()
    blockstore.unindexedShards = 2
    await withPlace(form, { blockstore, unindexed: { waitMs: 1 } }, async (place) => {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await place.ask(`/ipfs/${cidOf(absent!)}?format=${format}`, { method })
        expect({ status, code: headers['x-error-code'] }).toEqual({ status: 503, code: 'GATEWAY_UNINDEXED' })
        expect(Number(headers['retry-after'])).toBeGreaterThan(0)
      }
      expect((await place.ask(`/ipfs/${text}?format=${format}`)).status).toBe(200)
    })
  })

  it.each(['raw', 'car'])('is sent once it is indexed, to those who have waited: %s', async (format) => {
    const blockstore = openTestStore()
    blockstore.unindexedShards = 1
    await withPlace(form, { blockstore, unindexed: { waitMs: 60_000, changed: async () => { blockstore.add(absent!) } } }, async (place) => {
      const { status, whole } = await place.ask(`/ipfs/${cidOf(absent!)}?format=${format}`)
      expect({ status, whole }).toEqual({ status: 200, whole: true })
    })
  })

  it('is 404 when all shards are indexed in the meantime and none has it', async () => {
    const blockstore = openTestStore()
    blockstore.unindexedShards = 1
    await withPlace(form, { blockstore, unindexed: { waitMs: 60_000, changed: async () => { blockstore.unindexedShards = 0 } } }, async (place) => {
      expect((await place.ask(`/ipfs/${cidOf(absent!)}?format=raw`)).status).toBe(404)
    })
  })
})
