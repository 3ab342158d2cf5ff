import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { createMetrics, type DagstoreEvent } from '@dagstore/dagstore'
import { fileUrl } from '@dagstore/mounts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDagstore } from '../src/index.ts'

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'dagstore-services-')) })
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('a store on a folder', () => {
  it('says why a block cannot be read, verifies shards, tells events and metrics, and remembers what its doctor found', async () => {
    const blocks = makeBlocks(1, 100, { min: 10, max: 400 })
    const path = join(folder, 'a.car')
    await writeFile(path, carV1([blocks[0]!.cid], blocks))
    const metrics = createMetrics()
    const root = join(folder, 'store')
    const store = await openDagstore(root, { metrics })
    const events: DagstoreEvent[] = []
    const listening = (async () => { for await (const event of store.events()) events.push(event) })()
    await store.register('a', fileUrl(path), { indexing: 'eager' })
    const cid = blocks[7]!.cid
    expect(await store.why(cid)).toMatchObject({ retrievable: true })
    expect(await store.verify('a', { mode: 'full' })).toMatchObject({ blocks: 100, checked: 100, bad: [], repaired: [] })
    await store.blockstore.bytes(cid)
    expect(metrics.snapshot().counters.find(({ name }) => name === 'block.served')).toMatchObject({ labels: { scheme: 'file' }, value: 1 })
    await store.close()
    await listening
    expect(events.flatMap((event) => event.type === 'health' ? event.to : [])).toEqual(['initializing', 'available'])

    const car = await readFile(path)
    await rm(path)
    const examined = await openDagstore(root, { doctor: { rowsPerSecond: 1e6 } })
    while (((await examined.shard('a'))?.findings.length ?? 0) === 0) await new Promise((resolve) => { setImmediate(resolve) })
    await examined.close()
    const again = await openDagstore(root)
    const listed: unknown[] = []
    for await (const found of again.doctorFindings()) listed.push(found)
    expect(listed).toMatchObject([{ key: 'a', findings: [{ check: 'source', code: 'MOUNT_MISSING' }] }])
    const report = await again.why(cid)
    expect(report.retrievable).toBe(false)
    expect(report.steps.at(-1)).toMatchObject({ name: 'source', ok: false, code: 'MOUNT_MISSING', detail: expect.stringMatching(/a\.car → nothing is there$/) })
    expect(report.fix).toMatch(/^restore the file/)
    await writeFile(path, car)
    expect(await again.verify('a')).toMatchObject({ badCount: 0 })
    await again.close()
  })
})
