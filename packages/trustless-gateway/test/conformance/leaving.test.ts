/** What comes of the work for askers that leave: it stops. */
import { streamedFile } from '@dagstore-tooling/fixtures/gateway'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { cidOf, inEveryForm, type Place, withPlace } from './harness.ts'
import { openTestStore } from './store.ts'

const streamed = streamedFile()
const leaves = streamed.blocks.slice(1)
const target = `/ipfs/${cidOf(streamed)}?format=car`

inEveryForm('an asker that leaves in the middle', (form) => {
  it('stops the reading for it', async () => {
    const blockstore = openTestStore(streamed.blocks)
    await withPlace(form, { blockstore }, async (place) => {
      const begun = await place.begin(target)
      expect((await begun.body.next()).done).toBe(false)
      await begun.leave()
      await still(() => blockstore.asked.length)
      expect(blockstore.asked.length).toBeLessThan(leaves.length)
      await othersGoOn(place)
    })
  })

  it('stops all work for it: a reading that is under way too', async () => {
    const blockstore = openTestStore(streamed.blocks)
    const [reading, stopped] = [createEvent(), createEvent()]
    blockstore.before = (cid, signal) => {
      if (!cid.equals(CID.decode(leaves[40]!.cid))) return undefined
      reading.happen()
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          stopped.happen()
          reject(signal.reason as Error)
        })
      })
    }
    await withPlace(form, { blockstore }, async (place) => {
      const begun = await place.begin(target)
      const taking = takeAll(begun.body)
      await reading.happened
      await begun.leave()
      await stopped.happened
      await taking
      await othersGoOn(place)
    })
  })
})

interface Event { readonly happened: Promise<void>, happen (): void }

const createEvent = (): Event => {
  let happen = (): void => {}
  const happened = new Promise<void>((resolve) => { happen = resolve })
  return { happened, happen: () => { happen() } }
}

const othersGoOn = async (place: Place): Promise<void> => {
  expect((await place.ask(`/ipfs/${cidOf(leaves[1]!)}?format=raw`)).whole).toBe(true)
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

/** Whatever comes, and however it ends. */
const takeAll = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
  try {
    for await (const _ of body);
  } catch {
    // it was broken off
  }
}

/** Until a number stays the same over many turns. */
const still = async (count: () => number): Promise<void> => {
  for (let [same, last] = [0, count()]; same < 200; same++) {
    await turn()
    if (count() !== last) [same, last] = [0, count()]
  }
}
