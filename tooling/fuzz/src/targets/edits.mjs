/** Files changed in place: an index attached, roots replaced. What is refused is left as it was. */
import { createCrashFs } from '@dagstore-tooling/testkit'
import { attachIndex, detachIndex, inspectCar, readLayout, replaceRoots, verifyCar } from '@dagstore/carv2'
import { openHashes } from '@dagstore/hashes/node'
import { CID } from 'multiformats/cid'
import { cars, joined, roots as corpusRoots } from '../corpus.mjs'
import { faultOf, must } from '../engine.mjs'
import { countedSource } from '../meter.mjs'

const hashes = await openHashes()
const cids = corpusRoots.map((root) => CID.decode(root))

const sameRoots = (roots, wanted) => roots.length === wanted.length && roots.every((root, i) => root.equals(wanted[i]))

const blocksOf = async (bytes, meter) => {
  try {
    return await inspectCar(countedSource(bytes, 'memory', meter))
  } catch (error) {
    if (faultOf(error) !== undefined) throw error
    return undefined
  }
}

const edit = async (bytes, { random, meter }) => {
  const fs = createCrashFs({ seed: 'edit' })
  fs.plant('a.car', bytes)
  const file = await fs.writableFile('a.car')
  const attach = random.chance(0.5)
  const wanted = random.pick([[cids[0]], [cids[1]], cids, []])
  const before = await blocksOf(bytes, meter)
  try {
    if (attach) await attachIndex(file, { index: random.pick(['trailer', 'standard', 'none']), indexPadding: random.int(20) })
    else await replaceRoots(file, wanted, { torn: 'accept' })
  } catch (error) {
    if (Buffer.compare(fs.content('a.car'), bytes) !== 0) {
      // roots are replaced before damaged sections can be seen, which then get no index
      must(!attach, 'refused, but changed')
      const layout = await readLayout(countedSource(fs.content('a.car'), 'memory', meter))
      must(sameRoots(layout.roots, wanted) && layout.indexOffset === undefined, 'half changed')
    }
    throw error
  }
  const after = countedSource(fs.content('a.car'), 'memory', meter)
  const report = await inspectCar(after)
  must(before === undefined || before.blockCount === report.blockCount, 'another number of blocks')
  if (!attach) must(sameRoots(report.layout.roots, wanted), 'other roots than asked for')
  if (attach) must(report.index === undefined || report.index.fault === undefined, 'a bad index was attached')
  if (report.index !== undefined && report.index.fault === undefined) must((await joined(detachIndex(after))).byteLength > 0, 'no index to detach')
  try {
    await verifyCar(after, hashes, { policy: { noRoots: 'allow', missingRoots: 'report' } })
  } catch (error) {
    must(!attach || !/INDEX/.test(error.code), `index does not fit; ${error.code}`)
    if (faultOf(error) !== undefined) throw error
  }
}

export const editTarget = { name: 'edit', corpus: cars, run: edit }
