/** A DAG out of a CARv2 file as a CAR of its own, of either version; beside a copy of the file, and the walk alone. */
import { copyFile, open, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { walkDag } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import { openDirectory } from '@dagstore/io/node'
import { exportCarTo } from '@dagstore/retrievals/node'
import { makeLargeDag } from '../src/large-dag.mjs'

export const title = 'Write a DAG as a CAR'
export const packages = ['retrievals']

const MIB = 1 << 20
const COUNTS = { small: 16, default: 256, large: 1024 }

export const run = async ({ compare, scratch, form }) => {
  const count = COUNTS[form]
  const hashes = await openHashes()
  const { path, root, payloadBytes } = await makeLargeDag(scratch, count * MIB)
  const mount = await openIndexMount({ data: await openDirectory(dirname(path)).openSource(basename(path)) }, { hashes })
  const out = join(scratch, 'out.car')
  const prepare = () => rm(out, { force: true })
  const write = (version) => async () => { await exportCarTo(mount.blockstore, out, { root, version, hashes, verify: 'never' }) }
  const copy = async () => {
    await copyFile(path, out)
    const file = await open(out, 'r+')
    await file.sync()
    await file.close()
  }
  await compare({
    what: `${count} MiB in leaves of 1 MiB, sha2-256, synced; the store hashes every block that it gives`,
    work: { bytes: payloadBytes },
    rounds: 3,
    cases: [
      { name: 'exportCarTo, version 1', role: 'ours', prepare, run: write(1) },
      { name: 'exportCarTo, version 2', role: 'ours', prepare, run: write(2) },
      { name: 'walkDag alone', role: 'floor', run: async () => { for await (const _ of walkDag(mount.blockstore, root, { verify: 'never', lookAhead: 4 })); } },
      { name: 'copy of the file, synced', role: 'floor', prepare, run: copy },
    ],
  })
  await mount.close()
}
