import { rmSync } from 'node:fs'
import { join } from 'node:path'

export const title = 'Shards of very many blocks: index them, open them, look one up with no page at hand'
export const packages = ['carv2', 'carv2-index-mount']
/** Some minutes, and 3 GiB of disk. */
export const large = true

const COUNTS = [200_000, 2 ** 24 + 1, 50_000_000]
const GOAL_MIB = 256
const SAME = 2
const module = (name) => new URL(`children/${name}.mjs`, import.meta.url)
const named = (count) => `${count.toLocaleString('en-GB')} blocks`

export const run = async ({ amounts, inChild, scratch }) => {
  const built = []
  const opened = []
  for (const count of COUNTS) {
    const path = join(scratch, `${count}.idx`)
    const index = await inChild(module('index-memory'), { way: 'scratch', count, scratch })
    if (index.entries !== count) throw new Error(`entries are missing; want=${count} got=${index.entries}`)
    built.push({ name: `${named(count)}, in ${(index.ms / 1000).toFixed(1)} s`, role: 'ours', value: index.peakMiB, atMost: GOAL_MIB })
    opened.push({ count, ...await inChild(module('open-large'), { count, path, times: 200 }) })
    rmSync(path)
  }
  const [least] = opened
  amounts({ what: 'Highest resident memory above that of the bare process while indexing by a scratch file', unit: 'MiB', figures: built })
  amounts({ what: `Opening a shard; the goal of the larger ones is ${SAME} times that of the smallest`, unit: 'ms', figures: opened.map(({ count, openMs }) => ({ name: named(count), role: 'ours', value: openMs, ...(count === least.count ? {} : { atMost: SAME * least.openMs }) })) })
  amounts({ what: 'The first block of an open shard', unit: 'ms', figures: opened.map(({ count, findMs }) => ({ name: named(count), role: 'ours', value: findMs })) })
}
