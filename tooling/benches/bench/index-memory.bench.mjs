export const title = 'Memory while a CAR is indexed, by the number of its blocks'
export const packages = ['carv2']

const GOAL_MIB = 256

export const run = async ({ amounts, inChild, scratch }) => {
  const figures = []
  const measure = async (way, count, what) => {
    const { entries, peakMiB, ms } = await inChild(new URL('children/index-memory.mjs', import.meta.url), { way, count, scratch })
    if (entries !== count) throw new Error(`entries are missing; want=${count} got=${entries}`)
    figures.push({ name: `${what}, ${count.toLocaleString('en-GB')} blocks, in ${(ms / 1000).toFixed(1)} s`, role: 'ours', value: peakMiB, ...(way === 'scratch' ? { atMost: GOAL_MIB } : {}) })
  }
  for (const count of [1_000_000, 10_000_000]) await measure('scratch', count, 'buildIndexStream with a scratch file')
  await measure('memory', 1_000_000, 'buildIndex')
  amounts({ what: 'Highest resident memory above that of the bare process, the index written too', unit: 'MiB', figures })
}
