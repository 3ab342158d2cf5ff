/** The storage of a provider belongs to another user, who lets others look at it: it is read, and left as it is. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeSectorStore } from '@dagstore-tooling/fixtures'
import { bundleProgram } from '@dagstore-tooling/testkit/bundle'
import { otherUser } from '@dagstore-tooling/testkit/other-user'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const user = otherUser()

const treeOf = async (folder: string): Promise<readonly string[]> => {
  const names = ['.', ...(await readdir(folder, { recursive: true })).sort()]
  return Promise.all(names.map(async (name) => {
    const path = join(folder, name)
    const { mode, size, mtimeNs, ctimeNs, ino, uid } = await lstat(path, { bigint: true })
    const digest = (mode & 0o170_000n) === 0o100_000n ? createHash('sha256').update(await readFile(path)).digest('hex') : ''
    return `${name} ${mode} ${size} ${mtimeNs} ${ctimeNs} ${ino} ${uid} ${digest}`
  }))
}

describe('a storage of another user', () => {
  let root = ''
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'other-user-'))
    await chmod(root, 0o755)
  })
  afterAll(async () => {
    await run('chmod', ['-R', 'u+w', root])
    await rm(root, { recursive: true })
  })

  it.skipIf(user === undefined)('is read without a right to write, and nothing in it is made or changed (as root, and with a Node that others may run)', async () => {
    const folder = join(root, 'storage')
    const store = await makeSectorStore(folder, { sectors: 6, maxPayloadBytes: 3000 })
    const records = join(root, 'records.json')
    await writeFile(records, JSON.stringify({
      repo: store.repo,
      deals: [
        ...store.deals,
        ...store.parked.map(({ id, ...parked }) => ({ ...parked, miner: 0n, sector: id, offsetPadded: 0, copy: 'there' })),
      ],
      digests: Object.fromEntries(store.deals.map(({ pieceCid }) => [pieceCid, createHash('sha256').update(store.piece(pieceCid)).digest('hex')])),
    }, (_, value: unknown) => typeof value === 'bigint' ? value.toString() : value))
    for (const { name, parentPath } of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(parentPath, name)
      await chmod(path, (await lstat(path)).isDirectory() ? 0o555 : 0o444)
    }
    await chmod(folder, 0o555)
    const program = join(root, 'read-storage.mjs') // where others may read it
    await bundleProgram(new URL('./read-storage.ts', import.meta.url), program, '')
    const before = await treeOf(folder)
    const { stdout } = await run(process.execPath, [program, records], { ...user, env: { PATH: process.env['PATH'] ?? '' }, cwd: '/' })
    expect(JSON.parse(stdout)).toEqual({ uid: user?.uid, read: store.deals.filter(({ copy }) => copy === 'there').length + store.parked.length, wrong: [], writable: false })
    expect(await treeOf(folder)).toEqual(before)
  })
})
