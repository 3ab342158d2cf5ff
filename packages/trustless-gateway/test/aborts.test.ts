import { shardedDirectory, subdirMixedFiles } from '@dagstore-tooling/fixtures/gateway'
import { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGateway } from '../src/index.ts'
import { ask, requestOf, turns } from './asking.ts'
import { openTestStore, type TestStore } from './conformance/store.ts'

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => { unhandled.push(reason) }
beforeEach(() => { process.on('unhandledRejection', onUnhandled) })
afterEach(async () => {
  await turns(5)
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled.splice(0)).toEqual([])
})

/** Each read takes two turns, or ends when it is aborted; `underWay` are those that have not ended. */
const slowed = (store: TestStore): { underWay: number, begun: number } => {
  const state = { underWay: 0, begun: 0 }
  store.before = async (_cid, signal) => {
    state.underWay++
    state.begun++
    try {
      for (let turn = 0; turn < 2; turn++) {
        await turns(1)
        signal?.throwIfAborted()
      }
    } finally {
      state.underWay--
    }
  }
  return state
}

const directory = `/ipfs/${CID.decode(subdirMixedFiles.block.cid)}`
const sharded = `/ipfs/${CID.decode(shardedDirectory.block.cid)}`

describe('an asker who leaves at any moment', () => {
  it.each([
    { target: `${directory}?format=raw`, most: 8 },
    { target: `${directory}?format=car`, most: 30 },
    { target: `${directory}/subdir/multiblock.txt?format=car`, most: 30 },
    { target: `${sharded}/685.txt?format=car&dag-scope=entity`, most: 30 },
    { target: `${sharded}?format=car&car-dups=y`, most: 60 },
  ])('leaves nothing under way, and a free place: $target', async ({ target, most }) => {
    const store = openTestStore()
    const state = slowed(store)
    const gateway = createGateway({ blockstore: store, limits: { client: { requests: 1, waiting: 0 } } })
    for (let moment = 0; moment < most; moment++) {
      const leaving = new AbortController()
      const asked = ask(gateway, target, { signal: leaving.signal })
      await turns(moment)
      leaving.abort(new Error('left'))
      const { status, failure } = await asked
      // whole, broken off, or not answered
      expect(status === 499 || status === 200, `${moment}`).toBe(true)
      if (failure !== undefined) expect(failure).toMatchObject({ message: 'left' })
      await turns(1)
      expect(state.underWay, `${moment}`).toBe(0)
      const { begun } = state
      await turns(3)
      expect(state.begun).toBe(begun)
      expect(gateway.metrics().gauges.map(({ value }) => value)).toEqual([0, 0])
    }
  })

  it.each([`${directory}?format=car`, `${sharded}?format=car&car-dups=y`])('leaves nothing under way when he ends the body instead: %s', async (target) => {
    const store = openTestStore()
    const state = slowed(store)
    const gateway = createGateway({ blockstore: store, limits: { client: { requests: 1, waiting: 0 } } })
    for (let taken = 0; taken < 6; taken++) {
      const answer = await gateway.answer(requestOf(target))
      if (answer?.body === undefined || answer.body instanceof Uint8Array) throw new Error('no stream')
      for (let n = 0; n < taken; n++) await answer.body.next()
      // also while a chunk is asked for
      const next = taken % 2 === 0 ? undefined : answer.body.next()
      await answer.body.return()
      await next?.catch(() => {})
      expect(state.underWay).toBe(0)
      expect((await answer.body.next()).done).toBe(true)
    }
    expect(gateway.metrics().gauges.map(({ value }) => value)).toEqual([0, 0])
  })
})
