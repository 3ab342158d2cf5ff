import { mkdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeBlocks } from '../src/car-files.mjs'

export const title = 'Import a folder of many small files'
export const packages = ['imports', 'unixfs-builder', 'io']

const COUNTS = { small: [500, 2000], default: [20_000, 200_000], large: [20_000, 200_000, 1_000_000] }
const IN_FOLDER = 1000

/** The first files, beside those that are there. */
const makeFiles = (folder, from, to) => {
  let at = from
  for (const { bytes } of makeBlocks(from + 1, to - from, 1024, 4096)) {
    const below = join(folder, String(Math.floor(at / IN_FOLDER)).padStart(5, '0'))
    if (at % IN_FOLDER === 0) mkdirSync(below, { recursive: true })
    writeFileSync(join(below, String(at++ % IN_FOLDER)), bytes)
  }
}

const WAYS = [
  { way: 'ref', name: 'importPath, by reference', role: 'ours', atMost: 256 },
  { way: 'dense', name: 'importPath, dense', role: 'ours', atMost: 256 },
  { way: 'peer', name: 'ipfs-unixfs-importer, blocks counted and dropped', role: 'peer' },
  { way: 'floor', name: 'every file read and hashed, one after another', role: 'floor' },
]

export const run = async ({ amounts, inChild, scratch, form }) => {
  const folder = join(scratch, 'many')
  const [memory, time] = [[], []]
  let made = 0
  for (const count of COUNTS[form]) {
    makeFiles(folder, made, count)
    made = count
    for (const { way, name, role, atMost } of WAYS) {
      const { files, peakMiB, ms } = await inChild(new URL('children/import-many.mjs', import.meta.url), { way, folder, scratch: join(scratch, 'store') })
      if (files !== count) throw new Error(`files are missing; want=${count} got=${files} way=${way}`)
      await rm(join(scratch, 'store'), { recursive: true, force: true })
      const row = { name: `${name}, ${count.toLocaleString('en-GB')} files`, role }
      memory.push({ ...row, value: peakMiB, ...(atMost === undefined || form === 'small' ? {} : { atMost }) })
      time.push({ ...row, value: 1000 * ms / count })
    }
  }
  amounts({ what: 'Highest resident memory above that of the bare process; files of 1 to 4 KiB, 1,000 in a folder', unit: 'MiB', figures: memory })
  amounts({ what: 'Time for each file, in the same processes', unit: 'µs', figures: time })
}
