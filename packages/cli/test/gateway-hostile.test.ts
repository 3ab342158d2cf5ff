/** Clients that mean no good before a gateway of a real store. */
import { describe, expect, it } from 'vitest'
import { askingByHttp1, closed, connectTo, get, leaveStorm, probeStorm, rangeStorm } from './gateway-attacks.ts'
import { pause } from './served-store.ts'
import { attacked, served, withstands } from './withstanding.ts'

const LONG = process.env['DAGSTORE_LONG'] !== undefined
const times = (count: number, longer: number): number => (LONG ? count * longer : count)
/** An attack is repeated so often after it was met for the first time. */
const AGAIN = LONG ? 5 : 1

describe('a gateway of a store withstands', () => {
  it('thousands of questions for parts of blocks and pieces: single, many, overlapping, from the end, of absurd numbers', async () => {
    const place = await served()
    let seed = 0
    await withstands(place, AGAIN, async () => { expect(await rangeStorm(attacked(place), times(1600, 20), ++seed)).toEqual([]) })
  })

  it('those who ask for parts and leave at once', async () => {
    const place = await served()
    await withstands(place, AGAIN, () => leaveStorm(attacked(place), times(400, 20)))
  })

  it('more probes at once than may wait, of which some are told to come again, while others have their turns', async () => {
    const place = await served({}, { limits: { client: { requests: 2, waiting: 2 } } })
    const count = times(4000, 10)
    await withstands(place, AGAIN, async () => {
      let is = ''
      const probing = probeStorm(attacked(place), count, 4).finally(() => { is = 'over' })
      const { ask, end } = askingByHttp1(place.port, 1)
      do expect((await ask(attacked(place).things[0]!.target)).status).toBe(200)
      while (is === '')
      end()
      const { 200: answered = 0, 429: refused = 0, ...others } = await probing
      expect([answered + refused, others]).toEqual([count, {}])
      expect(Math.min(answered, refused)).toBeGreaterThan(0)
    })
  })

  it('10,000 probes at once, each of which is answered where so many may wait', async () => {
    const place = await served({}, { limits: { client: { waiting: 0, requests: 0 }, total: { requests: 0 } } })
    const count = times(10_000, 4)
    await withstands(place, AGAIN, async () => { expect(await probeStorm(attacked(place), count, 10)).toEqual({ 200: count }) })
  })

  it('those who say half of what they want, or nothing', async () => {
    const place = await served({ limits: { headersMs: 200, idleMs: 200 } })
    const { target } = attacked(place).things[2]!
    const halves = ['', 'G', get(target).slice(0, -2), `${get(target, 'range: bytes=0-1\r\n').slice(0, -4)}`, 'PRI * HTTP/2.0\r\n\r\nSM', `${get(target)}GET /pie`]
    await withstands(place, AGAIN, async () => {
      const sockets = Array.from({ length: LONG ? 480 : 120 }, (_, at) => connectTo(place.port, halves[at % halves.length]!).resume())
      await Promise.all(sockets.map(closed))
    })
  })

  it('those who take nothing of long answers, or parts of them', async () => {
    const place = await served({ limits: { stalledMs: 300 } })
    const { streams } = attacked(place)
    await withstands(place, AGAIN, async () => {
      const sockets = Array.from({ length: LONG ? 300 : 30 }, (_, at) => connectTo(place.port, get(streams[at % streams.length]!, at % 2 === 0 ? '' : 'range: bytes=1-\r\n')))
      while (place.events.length < sockets.length) await pause(10)
      // each ended by the server
      expect(new Set(place.events.map(({ status, route }) => `${route} ${status}`))).toEqual(new Set(['car 200', 'piece 200', 'piece 206']))
      for (const socket of sockets) socket.resume()
      await Promise.all(sockets.map(closed))
    })
  })
})
