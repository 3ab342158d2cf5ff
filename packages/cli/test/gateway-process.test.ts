/** `dagstore gateway` as a process of its own, under clients that mean no good. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { commandFile, startCommand } from './daemon-process.ts'
import { type Attacked, leaveStorm, probeStorm, rangeStorm } from './gateway-attacks.ts'
import { blocks, cidOf, descriptorsOf, file, large, metricsOf, pause, small } from './served-store.ts'
import { temporaryFolder } from './terminal.ts'

const LONG = process.env['DAGSTORE_LONG'] !== undefined
const bin = await commandFile()

it('withstands storms of parts, of those who leave and of probes, and ends as if there had been none', async () => {
  const cwd = await temporaryFolder()
  await mkdir(join(cwd, 'cars'))
  for (const [name, { bytes }] of [['small', small], ['large', large]] as const) await writeFile(join(cwd, 'cars', `${name}.car`), bytes)
  const { child, until, said, ended } = startCommand(bin, ['gateway', 'cars', '--listen', '127.0.0.1:0', '--access-log', ''], { cwd })
  await until(/ indexed cars=2/)
  const url = / at (http:\S+)/.exec(said().stderr)![1]!
  const attacked: Attacked = {
    port: Number(new URL(url).port),
    things: [0, 3, 9].map((at) => ({ target: `/ipfs/${cidOf(blocks[at]!)}?format=raw`, bytes: blocks[at]!.data })),
    streams: [`/ipfs/${cidOf(file.block)}?format=car`],
  }
  const gauge = (metrics: string, name: string): number => Number(new RegExp(`^dagstore_gateway_${name} (\\d+)$`, 'm').exec(metrics)?.[1])
  const quiet = async (): Promise<number> => {
    for (;;) {
      const metrics = await metricsOf(url)
      // the one that asks is connected
      if (gauge(metrics, 'connections') === 1 && gauge(metrics, 'requests_active') === 0 && gauge(metrics, 'requests_waiting') === 0) break
      await pause(10)
    }
    await pause(50)
    return descriptorsOf(child.pid!)
  }
  let before: number | undefined
  for (let round = 0; round < (LONG ? 20 : 2); round++) {
    expect(await rangeStorm(attacked, LONG ? 20_000 : 1000, round)).toEqual([])
    await leaveStorm(attacked, LONG ? 5000 : 200)
    const { 200: answered = 0, 429: refused = 0, ...others } = await probeStorm(attacked, LONG ? 10_000 : 2000, 8)
    expect([answered + refused, others]).toEqual([LONG ? 10_000 : 2000, {}])
    const open = await quiet()
    before ??= open
    // what opens and closes by itself, as files of the database do
    expect(open).toBeLessThanOrEqual(before + 4)
  }
  child.kill('SIGINT')
  const { code, stderr } = await ended
  expect(code).toBe(0)
  expect(stderr).not.toMatch(/ERROR|WARN/)
})
