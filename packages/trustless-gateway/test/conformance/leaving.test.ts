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
  it.each(['CAR', 'CAR that waits for a block'])('stops all work for it: %s', async (kind) => {
    const blockstore = openTestStore(streamed.blocks)
    let [stopped, waiting] = [0, 0]
    blockstore.before = async (cid, signal) => {
      if (kind === 'CAR' || !cid.equals(CID.decode(leaves[40]!.cid))) return
      waiting++
      await new Promise<void>((_, reject) => { signal?.addEventListener('abort', () => { stopped++; reject(signal.reason as Error) }) })
    }
    await withPlace(form, { blockstore }, async (place) => {
      const begun = await place.begin(target)
      expect((await begun.body.next()).done).toBe(false)
      if (kind !== 'CAR') await takeUntil(begun.body, () => waiting > 0)
      await begun.leave()
      if (kind !== 'CAR') await until(() => stopped > 0)
      await still(() => blockstore.asked.length)
      expect(blockstore.asked.length).toBeLessThan(leaves.length)
      await othersGoOn(place)
    })
  })
})

const othersGoOn = async (place: Place): Promise<void> => {
  expect((await place.ask(`/ipfs/${cidOf(leaves[1]!)}?format=raw`)).whole).toBe(true)
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

/** Takes chunks as they come while what is waited for has not happened. */
const takeUntil = async (body: AsyncIterator<Uint8Array>, happened: () => boolean): Promise<void> => {
  const taking = (async () => { for (;;) if ((await body.next()).done === true) return })().catch(() => {})
  await until(happened)
  void taking
}

const until = async (happened: () => boolean): Promise<void> => { while (!happened()) await turn() }

/** Until a number stays the same over many turns. */
const still = async (count: () => number): Promise<void> => {
  for (let [same, last] = [0, count()]; same < 200; same++) {
    await turn()
    if (count() !== last) [same, last] = [0, count()]
  }
}
