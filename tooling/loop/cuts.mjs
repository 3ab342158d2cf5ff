/** The demo killed or interrupted anywhere, and run again. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { carV1, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import { makeFolder } from './inputs.mjs'

/** @param loop - what `run.mjs` gives: attempt, must, dagstore, document, folder */
const runCuts = ({ attempt, must, dagstore, document, folder, small }, signal, exit) => attempt(`${signal} anywhere, then run again`, async () => {
  const cutFolder = join(folder, `to-be-cut-${signal}`)
  makeFolder(cutFolder, small ? 500 : 1500)
  const reference = document(await dagstore(['demo', '--root', `uncut-${signal}`, '--json', cutFolder])).items[0]
  let killed = 0
  for (let delay = 150; delay < 30_000; delay = Math.round(delay * (small ? 1.7 : 1.5))) {
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

const STEPS = ['import', 'piece', 'deal', 'transfer', 'sector', 'shard', 'acquire', 'retrieve']

/** As soon as a step is done, and a moment later: the process dies within every step, and both sides of the deal with it. */
const runStepCuts = ({ attempt, must, dagstore, document, folder, small }, kind) => attempt(`SIGKILL at each step of ${kind}, then run again`, async () => {
  const path = join(folder, `to-be-cut.${kind}`)
  const blocks = makeBlocks(71, 400, { min: 100, max: 9000 })
  writeFileSync(path, kind === 'car' ? carV1([], blocks) : seededBytes(72, 3_000_000))
  const reference = document(await dagstore(['demo', '--root', `uncut-${kind}`, '--json', path])).items[0]
  let killed = 0
  for (const [at, step] of STEPS.entries()) {
    // the short form takes every other step of each kind
    if (small && at % 2 === (kind === 'car' ? 0 : 1)) continue
    for (const killAfterMs of small ? [at % 4 < 2 ? 0 : 8] : [0, 4, 12, 30]) {
      const [root, where] = [`${kind}-${step}-${killAfterMs}`, `${killAfterMs} ms after ${step}`]
      const run = await dagstore(['demo', '--root', root, '--json', path], { killAt: `\n  ${step} `, killAfterMs })
      if (run.code === null) killed++
      const again = await dagstore(['demo', '--root', root, '--json', path])
      must(again.code === 0, `${where}: the second run failed: ${again.stderr.slice(-800)}`)
      const [item] = document(again).items
      must(item.identical && item.pieceCid === reference.pieceCid, `${where}: another piece`)
      const redone = item.steps.filter(({ name, reused }) => STEPS.slice(0, at + 1).includes(name) && !['acquire', 'retrieve'].includes(name) && !reused && !(kind === 'car' && at === 0))
      must(redone.length === 0, `${where}: done again: ${redone.map(({ name }) => name).join()}`)
      must(document(await dagstore(['storage-deals', 'list', '--root', root, '--json'])).length === 1, `${where}: not one deal`)
      const staging = join(folder, root, 'deal-staging')
      must(!existsSync(staging) || readdirSync(staging).length === 0, `${where}: a copy was left`)
      rmSync(join(folder, root), { recursive: true, force: true })
    }
  }
  must(killed > 0, 'the run was never cut')
  return `${killed} cuts`
})

export const cuts = [
  ...[['SIGKILL', null], ['SIGINT', 130]].map(([signal, exit]) => (loop) => runCuts(loop, signal, exit)),
  ...['car', 'file'].map((kind) => (loop) => runStepCuts(loop, kind)),
]
