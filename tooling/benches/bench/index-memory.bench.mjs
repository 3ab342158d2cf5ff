export const title = 'Memory while a CAR is indexed, by the number of its blocks'
export const packages = ['carv2']

const GOAL_MIB = 256

export const run = async ({ amounts, inChild, scratch }) => {
  const figures = []
  for (const count of [1_000_000, 10_000_000]) {
    const { entries, peakMiB, ms } = await inChild(new URL('children/index-memory.mjs', import.meta.url), { count, scratch })
    if (entries !== count) throw new Error(`entries are missing; want=${count} got=${entries}`)
    figures.push({ name: `${count.toLocaleString('en-GB')} blocks, in ${(ms / 1000).toFixed(1)} s`, role: 'ours', value: peakMiB, atMost: GOAL_MIB })
  }
  amounts({ what: 'Highest resident memory over that of the bare process; buildIndex and writing what it built', unit: 'MiB', figures })
}
