/** Floods of headers and frames before a gateway of a real store. */
import { describe, it } from 'vitest'
import { flood, floodsOf } from './gateway-floods.ts'
import { attacked, served, withstands } from './withstanding.ts'

const LONG = process.env['DAGSTORE_LONG'] !== undefined
/** At a time. */
const CONNECTIONS = LONG ? 100 : 5

describe('a gateway of a store withstands a flood of', () => {
  const floods = floodsOf(attacked({ port: 0 }).things[0]!.target)
  it.each(Object.keys(floods))('%s', async (of) => {
    const place = await served({ limits: { headersMs: 300, idleMs: 300 } })
    await withstands(place, LONG ? 5 : 1, async () => {
      for (const hears of [true, false]) await flood(place.port, floods[of]!, CONNECTIONS, hears)
    })
  })
})
