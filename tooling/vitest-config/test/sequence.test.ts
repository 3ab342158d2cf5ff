import { expect, it } from 'vitest'
import type { TestSpecification, Vitest } from 'vitest/node'
import LongestFirst from '../sequence.ts'

const PATHS = ['/r/packages/a/test/long.test.ts', '/r/packages/a/test/short.test.ts', '/r/packages/b/test/new.crash.test.ts', '/r/packages/b/test/new.test.ts', '/r/packages/rpc/test/serve.test.ts']
const durations: Record<string, number> = { 'a:packages/a/test/long.test.ts': 9000, 'a:packages/a/test/short.test.ts': 10, 'rpc:packages/rpc/test/serve.test.ts': 400 }
const specifications = PATHS.map((moduleId) => ({ moduleId, project: { name: moduleId.split('/')[3] } })) as unknown as TestSpecification[]

const sequencer = (shard?: { index: number, count: number }): LongestFirst => new LongestFirst({
  config: { root: '/r', shard },
  cache: {
    getFileTestResults: (key: string) => (durations[key] === undefined ? undefined : { duration: durations[key], failed: false }),
    getFileStats: () => ({ size: 3000 }),
  },
} as unknown as Vitest)

it('what took longest comes first, over all packages; cuts before anything that is known', async () => {
  const sorted = await sequencer().sort(specifications)
  expect(sorted.map(({ moduleId }) => moduleId)).toEqual([2, 0, 4, 3, 1].map((i) => PATHS[i]))
})

it('the parts hold every file, each one once, but what is near Node in each', async () => {
  const parts = await Promise.all([1, 2].map((index) => sequencer({ index, count: 2 }).shard(specifications)))
  const near = PATHS[4]
  expect(parts.map((part) => part.filter(({ moduleId }) => moduleId === near).length)).toEqual([1, 1])
  expect(parts.flat().map(({ moduleId }) => moduleId).filter((path) => path !== near).sort()).toEqual(PATHS.slice(0, 4))
  expect(parts.map((part) => part.length)).toEqual([3, 3])
})
