/** The commands on a store, in processes of their own: cut off anywhere and run again, and a root that is deleted, moved, or another's. */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'

/** @param loop - what `run.mjs` gives: attempt, must, dagstore, document, folder, small */
export const runCommands = async ({ attempt, must, dagstore, document, folder, small }) => {
  const total = small ? 300 : 1000
  const cars = join(folder, 'cars to add')
  mkdirSync(cars)
  const contents = Array.from({ length: 40 }, (_, n) => carV1([], makeBlocks(500 + n, 3, { min: 20, max: 400 })))
  for (let n = 0; n < total; n++) writeFileSync(join(cars, `${n}.car`), contents[n % contents.length])
  const statesOf = async (root) => document(await dagstore(['list-shards', '--json', '--root', root])).map(({ State }) => State.replace('ShardState', ''))

  for (const [signal, exit] of [['SIGKILL', null], ['SIGINT', 130]]) {
    await attempt(`${signal} of add --eager anywhere, then run again`, async () => {
      let cut = 0
      for (let delay = 300; delay < 60_000; delay = Math.round(delay * 1.7)) {
        const run = await dagstore(['add', '--eager', '--json', '--root', signal, cars], { killAfterMs: delay, signal })
        if (run.code === 0) break
        must(run.died === signal || run.code === exit, `after ${delay} ms: exit ${run.code} ${run.died}; ${run.stderr.slice(-400)}`)
        if (signal === 'SIGINT' && run.stdout !== '') document(run)
        cut++
      }
      const last = await dagstore(['add', '--eager', '--json', '--root', signal, cars])
      must(last.code === 0 && document(last).succeeded === total, last.stderr.slice(-400))
      const states = await statesOf(signal)
      must(states.length === total && states.every((state) => state === 'Available'), `${states.length} shards, ${new Set(states).size} states`)
      const gone = await dagstore(['gc', '--json', '--root', signal])
      must(gone.code === 0 && Array.isArray(document(gone)), gone.stderr.slice(-400))
      must(document(await dagstore(['gc', '--dry-run', '--json', '--root', signal])).Items.length === 0, 'gc finds something twice')
      return `${cut} cuts`
    })
  }

  await attempt('a deleted root comes back from its export, with its indices', async () => {
    must((await dagstore(['export-shards', '--root', 'SIGINT', 'shards.ndjson'])).code === 0, 'export-shards')
    must((await dagstore(['export-indices', '--root', 'SIGINT', 'indices'])).code === 0, 'export-indices')
    must(readdirSync(join(folder, 'indices')).length === total + 1, 'not an index for each shard')
    rmSync(join(folder, 'SIGINT'), { recursive: true })
    renameSync(cars, `${cars} away`)
    const run = document(await dagstore(['import-shards', '--json', '--root', 'SIGINT', 'shards.ndjson', '--indices', 'indices']))
    must(run.ok && run.items.filter(({ adopted }) => adopted).length === total, `${run.succeeded} ok, ${run.failed} failed`)
    renameSync(`${cars} away`, cars)
    must((await statesOf('SIGINT')).every((state) => state === 'Available'), 'a shard is not available')
  })

  await attempt('the index of all shards is written anew', async () => {
    const { code, stdout, stderr } = await dagstore(['initialize-all', '--rebuild', '--root', 'SIGKILL'])
    must(code === 0 && new RegExp(`^rebuilt: [0-9,]+ entries of ${total.toLocaleString('en')} shards$`, 'm').test(stdout), stdout + stderr.slice(-400))
  })

  await attempt('a store has one process at a time, and says which', async () => {
    const [first, second] = await Promise.all([0, 1].map(() => dagstore(['verify-shard', '--json', '--mode', 'full', '--root', 'SIGKILL', ...Array.from({ length: 200 }, (_, n) => `${n}.car`)])))
    const locked = [first, second].filter(({ stderr }) => stderr.includes('DAGSTORE_LOCKED'))
    must(locked.length <= 1 && locked.every(({ code }) => code === 1), 'both were refused')
    must([first, second].filter(({ code }) => code === 0).length === 2 - locked.length, `${first.stderr.slice(-200)} ${second.stderr.slice(-200)}`)
  })
}
