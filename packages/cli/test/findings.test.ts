import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { openDagstore } from '@dagstore/node'
import { describe, expect, it } from 'vitest'
import { dagstore, temporaryFolder } from './terminal.ts'

const blocks = makeBlocks(71, 3, { min: 20, max: 300 })

/** A store whose doctor has found something wrong with the shard `in.car`, after `harm`. */
const examined = async (harm: (cwd: string) => Promise<unknown>): Promise<string> => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'in.car'), carV1([blocks[0]!.cid], blocks))
  expect((await dagstore(cwd, ['add', '--eager', 'in.car'])).code).toBe(0)
  await harm(cwd)
  const found = new EventTarget()
  const store = await openDagstore(join(cwd, '.dagstore'), { doctor: {}, onEvent: ({ type }) => { if (type === 'finding') found.dispatchEvent(new Event('one')) } })
  await once(found, 'one')
  // written down behind the event
  while ((await store.shard('in.car'))?.findings.length === 0) await new Promise((resolve) => { setImmediate(resolve) })
  await store.close()
  return cwd
}

describe('dagstore list-shards --findings', () => {
  it('lists what a running store has found, and nothing else', async () => {
    const cwd = await examined((folder) => rm(join(folder, 'in.car')))
    const run = await dagstore(cwd, ['list-shards', '--findings'])
    expect(run).toMatchObject({ code: 0, stderr: '' })
    expect(run.stdout).toMatch(/^Key +Check +Found +Repaired +Error\nin\.car +source +\d{4}-\d\d-\d\d \d\d:\d\d +no +MOUNT_MISSING: .+\n$/)
    expect(JSON.parse((await dagstore(cwd, ['list-shards', '--findings', '--json'])).stdout)).toEqual([
      { Key: 'in.car', Findings: [{ Check: 'source', Code: 'MOUNT_MISSING', Message: expect.any(String) as string, At: expect.stringMatching(/^\d{4}-.*Z$/) as string, RepairedAt: null }] },
    ])
    expect((await dagstore(cwd, ['list-shards', '--findings', '--state', 'new'])).code).toBe(2)
  })

  it('is empty where nothing was found, or nobody looked', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'in.car'), carV1([blocks[0]!.cid], blocks))
    await dagstore(cwd, ['add', '--eager', 'in.car'])
    expect(await dagstore(cwd, ['list-shards', '--findings'])).toMatchObject({ code: 0, stdout: '' })
    expect(await dagstore(cwd, ['list-shards', '--findings', '--json'])).toMatchObject({ code: 0, stdout: '[]\n' })
  })
})
