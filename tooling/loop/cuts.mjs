/** The demo killed or interrupted anywhere, and run again. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from './inputs.mjs'

/** @param loop - what `run.mjs` gives: attempt, must, dagstore, document, folder */
const runCuts = ({ attempt, must, dagstore, document, folder }, signal, exit) => attempt(`${signal} anywhere, then run again`, async () => {
  const cutFolder = join(folder, `to-be-cut-${signal}`)
  makeFolder(cutFolder, 1500)
  const reference = document(await dagstore(['demo', '--root', `uncut-${signal}`, '--json', cutFolder])).items[0]
  let killed = 0
  for (let delay = 150; delay < 30_000; delay = Math.round(delay * 1.5)) {
    const root = `killed-${signal}-${delay}`
    const run = await dagstore(['demo', '--root', root, '--json', cutFolder], { killAfterMs: delay, signal })
    if (run.code === 0) break
    // before the command has started, the signal ends the process as it ends any other
    must(run.died === signal || run.code === exit, `after ${delay} ms: exit ${run.code} ${run.died}; ${run.stderr.slice(-400)}`)
    killed++
    const again = await dagstore(['demo', '--root', root, '--json', cutFolder])
    must(again.code === 0, `after ${delay} ms: the second run failed: ${again.stderr.slice(-800)}`)
    must(document(again).items[0].pieceCid === reference.pieceCid, `after ${delay} ms: another piece`)
    rmSync(join(folder, root), { recursive: true, force: true })
  }
  must(killed > 0, 'the run was never cut')
  return `${killed} cuts`
})

/** One part for each signal. */
export const cuts = [['SIGKILL', null], ['SIGINT', 130]].map(([signal, exit]) => (loop) => runCuts(loop, signal, exit))
