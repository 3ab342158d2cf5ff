/** What the client's side fetches is held to the rate of the configuration; by a clock that nobody waits for. */
import { join } from 'node:path'
import { type Clock, systemClock } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { expect, it, onTestFinished } from 'vitest'
import { openClientSide } from '../src/client/client-side.ts'
import { openShardStore } from '../src/compose.ts'
import { defaultConfig } from '../src/config/effective.ts'
import { createLogs } from '../src/log/logs.ts'
import { file, serveStore } from './served-store.ts'
import { temporaryFolder } from './terminal.ts'

/** Time goes on where somebody waits, and then at once; those who only wait for the other side do so in earnest. */
const quickClock = (): Clock & { readonly waitedMs: () => number } => {
  let waited = 0
  return {
    ...systemClock,
    monotonic: () => waited,
    sleep: async (ms, options) => {
      if (ms >= 5000) return systemClock.sleep(ms, options)
      await systemClock.sleep(0, options)
      waited += ms
    },
    waitedMs: () => waited,
  }
}

const root = CID.decode(file.block.cid)
const bytes = file.blocks.reduce((sum, { data }) => sum + data.byteLength, 0)

it.each([{ rate: 0, least: 0, most: 0 }, { rate: 4 << 20, least: bytes / (4 << 20) * 1000 - 600, most: bytes / (4 << 20) * 1000 + 600 }])('retrievals take $rate bytes a second, where 0 is no limit', async ({ rate, least, most }) => {
  const served = await serveStore()
  onTestFinished(() => served.close())
  const store = await openShardStore({ path: join(await temporaryFolder(), 'store'), label: 'store' })
  onTestFinished(() => store.close())
  const clock = quickClock()
  const side = await openClientSide(store, {
    config: { ...defaultConfig(), clientTransferBytesPerSecond: rate }, logs: createLogs({ write: () => {}, clock, level: 'warn', format: 'text', colors: false }), clock, background: true, env: {},
  })
  try {
    const { retrievals } = side.parts
    const { id } = await retrievals!.start({ root, providers: [served.url], localFirst: false }, {})
    expect(await retrievals!.settled(id, {})).toMatchObject({ state: 'DealStatusCompleted', receivedBytes: bytes })
  } finally {
    await side.close()
  }
  expect(clock.waitedMs()).toBeGreaterThanOrEqual(least)
  expect(clock.waitedMs()).toBeLessThanOrEqual(most)
})
