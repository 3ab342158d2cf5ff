/** Some 600 requests to boxo's gateway and to ours over the same CAR: the same answers, but for the differences that are meant. */
import { writeFile } from 'node:fs/promises'
import { gatewayCar } from '@dagstore-tooling/fixtures/gateway'
import { expect, it } from 'vitest'
import { useBoxo } from './boxo.ts'
import { askedOfBoth, type Seen } from './gateway-asked.ts'
import { compareGateways } from './gateway-compared.ts'
import { DIFFERENCES } from './gateway-differences.ts'
import { serveStore } from './gateway-world.ts'

const { boxo, at } = useBoxo()

it('answers as boxo\'s gateway does', async (context) => {
  const { serve } = boxo(context)
  await writeFile(at('dags.car'), gatewayCar())
  await using theirs = await serve([at('dags.car')])
  await using ours = await serveStore(at('.'), [at('dags.car')])
  const all = askedOfBoth()
  expect(all.length).toBeGreaterThan(550)
  // the root in the head of a CAR is the end of the path there, and here what was asked for; clients pass it over
  const compared = ({ digest: _, ...seen }: Seen): Seen => seen
  expect(await compareGateways({ theirs: theirs.url, ours: ours.url, all, differences: DIFFERENCES, compared })).toEqual({ unexplained: [], unused: [] })
})
