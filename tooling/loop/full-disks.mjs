/** Client and provider whose disks are full, one after the other: small ones that are mounted for it. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pause } from './worlds.mjs'

/**
 * @param loop - as of `runSides`
 * @param open - makes a world, as of `createWorlds`
 * @param bytes - of a file that has no room on a disk that is full
 */
export const fullDisks = async ({ must, folder, Skipped }, open, bytes) => {
  const disks = ['p', 'c'].map((side) => join(folder, `disk-${side}`))
  for (const disk of disks) {
    mkdirSync(disk)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disk]).status !== 0) throw new Skipped('a small disk can be mounted by root only')
  }
  const [full, empty] = [(disk) => writeFileSync(join(disk, 'ballast'), Buffer.alloc(38 << 20)), (disk) => rmSync(join(disk, 'ballast'))]
  try {
    const world = await open({ roots: { provider: 'disk-p/store', client: 'disk-c/store' } })
    try {
      const { toProvider, client, done, run, write, path, active } = world
      const root = await done('import', '-q', write('in', bytes))
      full(disks[0])
      const ended = await run(['deal', '--no-wait', '--provider', toProvider.url, root])
      must(ended.code === 0, ended.stderr.slice(-500))
      const [proposal] = /bafy[a-z0-9]+/.exec(ended.stdout)
      let deal
      for (let turn = 0; turn < 300 && !/room|space|full/i.test(deal?.Message ?? ''); turn++) {
        await pause(100)
        deal = await client.call('ClientGetDealInfo', { '/': proposal })
      }
      must(/room|space|full/i.test(deal.Message), `nobody says why: ${JSON.stringify(deal)}`)
      empty(disks[0])
      const [{ TransferID }] = await client.call('ClientListDataTransfers')
      await done('restart-transfer', String(TransferID))
      await active(proposal)
      full(disks[1])
      const refused = await run(['retrieve', '--no-local', root, path('out')])
      must(refused.code === 1 && /full|ENOSPC/i.test(refused.stderr), `exit ${refused.code}; ${refused.stderr.slice(-500)}`)
      empty(disks[1])
      await done('retrieve', '--no-local', root, path('out'))
      world.same('out', bytes)
      await world.close()
    } finally {
      await world.leave()
    }
  } finally {
    for (const disk of disks) spawnSync('umount', [disk])
  }
}
