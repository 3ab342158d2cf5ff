/** Some 600 requests to boxo's gateway and to ours over the same CAR: the same answers, but for the differences that are meant. */
import { writeFile } from 'node:fs/promises'
import { gatewayCar } from '@dagstore-tooling/fixtures/gateway'
import { expect, it } from 'vitest'
import { useBoxo } from './boxo.ts'
import { type Asked, askedOfBoth, type Seen, seen } from './gateway-asked.ts'
import { DIFFERENCES } from './gateway-differences.ts'
import { ask, serveStore } from './gateway-world.ts'

const { boxo, at } = useBoxo()

it('answers as boxo\'s gateway does', async (context) => {
  const { serve } = boxo(context)
  await writeFile(at('dags.car'), gatewayCar())
  const theirs = await serve([at('dags.car')])
  try {
    await using ours = await serveStore(at('.'), [at('dags.car')])
    const used = new Map(DIFFERENCES.map(({ name }) => [name, 0]))
    const unexplained: unknown[] = []
    const all = askedOfBoth()
    for (const asked of all) {
      const [their, our] = [await ask(theirs.url, asked.target, asked.headers, asked.method), await ask(ours.url, asked.target, asked.headers, asked.method)]
      const both = { asked, theirs: await seen(asked, their), ours: await seen(asked, our) }
      const meant = DIFFERENCES.filter(({ when }) => when(asked, both.theirs))
      for (const { name } of meant) used.set(name, used.get(name)! + 1)
      const again = async (other: Asked): Promise<Seen> => seen(other, await ask(theirs.url, other.target, other.headers, other.method))
      let wanted = both.theirs
      for (const { ours } of meant) wanted = await ours(wanted, asked, again)
      if (!isSame(both.ours, wanted)) unexplained.push({ ...both, wanted, meant: meant.map(({ name }) => name) })
    }
    expect(unexplained).toEqual([])
    expect(all.length).toBeGreaterThan(550)
    // a difference that is no more is to be taken out
    expect([...used].filter(([, times]) => times === 0)).toEqual([])
  } finally {
    await theirs.stop()
  }
})

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))

const sorted = (value: unknown): unknown => (value !== null && typeof value === 'object' && !Array.isArray(value)
  ? Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, v]) => [key, sorted(v)]))
  : value)
