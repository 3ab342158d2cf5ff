/** A root that is reached by a link, and the end of a store that is at work. */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import type { DagstoreEvent } from '@dagstore/dagstore'
import { fileUrl } from '@dagstore/mounts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openDagstore } from '../src/index.ts'

const blocks = makeBlocks(1, 300, { min: 10, max: 3000 })

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'dagstore-node-')) })
afterEach(async () => { await rm(folder, { recursive: true, force: true }) })

it('records what lies below a root that is a link relative to it, by whichever name it is given', async () => {
  await mkdir(join(folder, 'real'))
  await symlink(join(folder, 'real'), join(folder, 'link'), 'dir')
  await writeFile(join(folder, 'real', 'a.car'), carV1([blocks[0]!.cid], blocks))
  const store = await openDagstore(join(folder, 'link'))
  try {
    for (const name of ['real', 'link']) expect(await store.register('a', fileUrl(join(folder, name, 'a.car')))).toMatchObject({ mountUrl: 'file:a.car' })
  } finally {
    await store.close()
  }
})

it('ends what it does before it gives up its database, whenever it is closed', async () => {
  await writeFile(join(folder, 'a.car'), carV1([blocks[0]!.cid], blocks))
  const root = join(folder, 'store')
  for (let turns = 0; turns < 100; turns += 7) {
    const events: DagstoreEvent[] = []
    const store = await openDagstore(root, { onEvent: (event) => { events.push(event) } })
    const calls = ['a', 'b', 'c'].map((key) => store.register(`${key}${turns}`, fileUrl(join(folder, 'a.car')), { indexing: 'eager' }))
    const ended = Promise.allSettled(calls)
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => { setImmediate(resolve) })
    await store.close()
    for (const outcome of await ended) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'DAGSTORE_CLOSED' })
    expect(events.filter(({ type }) => type === 'unsaved' || type === 'postponed'), `closed after ${turns} turns`).toEqual([])
    expect(await readdir(root)).not.toContain('owner.json')
  }
})
