/** A whole folder of a Go DAG store, as Lotus leaves it: taken over by us, served, exported, and opened by Go again. */
import { copyFile, cp, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededBytes } from '@dagstore-tooling/fixtures'
import type { AdoptLine, AdoptResult } from '@dagstore/deal-provider'
import { adoptDagstoreFolder } from '@dagstore/deal-provider/node'
import { openDirectory, openFileSource } from '@dagstore/io/node'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { type NodeDagstore, openDagstore } from '@dagstore/node'
import { pieceCidV1 } from '@dagstore/piece'
import { ClassicLevel } from 'classic-level'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { useGo } from './go-program.ts'
import { manifest, VECTORS } from './manifest.ts'

const { go, at } = useGo()

/** Shards by what they are: a CAR each, but for the one that is none. */
const FILES = ['v1-one-root.car', 'v1-many.car', 'v1-duplicates.car', 'v2-written.car', 'v1-identity.car']
const keyOf = (name: string): string => {
  const commitment = seededBytes(name.length, 32)
  commitment.set(new TextEncoder().encode(name).subarray(0, 16))
  return pieceCidV1(commitment).toString()
}
const [SERVED, LAZY] = ['v1-many.car', 'v1-one-root.car'].map(keyOf) as [string, string]
const BROKEN = keyOf('no CAR')
const blocksOf = (name: string): ReadonlySet<string> => new Set(manifest.cars.find(({ file }) => file === name)!.blocks.map(({ cid }) => cid))

const makeCars = async (folder: string): Promise<string> => {
  await mkdir(folder)
  for (const name of FILES) await copyFile(`${VECTORS}${name}`, join(folder, `${keyOf(name)}.car`))
  await writeFile(join(folder, `${SERVED}.car.served`), '')
  await writeFile(join(folder, `${LAZY}.car.lazy`), '')
  await writeFile(join(folder, `${BROKEN}.car`), seededBytes(1, 500))
  return folder
}

const snapshot = async (folder: string): Promise<Record<string, string>> => {
  const found: Record<string, string> = {}
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const stats = await lstat(join(folder, name), { bigint: true })
    found[name] = `${stats.mode} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.nlink} ${stats.isFile() ? (await readFile(join(folder, name))).toString('base64') : ''}`
  }
  return found
}

const openStore = (folder: string, cars: string): Promise<NodeDagstore> => openDagstore(folder, { mounts: [lotusMount({
  stat: async (piece) => ({ unsealed: 'yes', pieceBytes: (await lstat(join(cars, `${String(piece)}.car`))).size }),
  open: (piece) => openFileSource(join(cars, `${String(piece)}.car`)),
})] })

const openLevel = async (folder: string): Promise<ClassicLevel> => {
  const db = new ClassicLevel(folder)
  await db.open()
  return db
}

const adopt = async (folder: string, dagstore: NodeDagstore): Promise<{ readonly result: AdoptResult, readonly lines: ReadonlyMap<string, AdoptLine> }> => {
  const lines = new Map<string, AdoptLine>()
  const result = await adoptDagstoreFolder(folder, { dagstore, openLevel, onReport: (more) => { for (const line of more) if ('key' in line) lines.set(line.key, line) } })
  return { result, lines }
}

describe('a folder of the Go DAG store', () => {
  it('is taken over with its indices, transients and reasons, served, and exported for Go to serve', async (context) => {
    const { readback } = go(context)
    const cars = await makeCars(at('cars'))
    const folder = at('dagstore')
    const made = await readback('makefolder', folder, cars)
    expect(made.message).toBe('')
    expect(made.report['states']).toMatchObject({ [SERVED]: 'ShardStateServing', [LAZY]: 'ShardStateNew', [BROKEN]: 'ShardStateErrored' })
    const before = await snapshot(folder)

    const store = await openStore(at('store'), cars)
    const { result, lines } = await adopt(folder, store)
    expect(result).toMatchObject({ records: 6, registered: 6, problems: 0, indices: 4, borrowed: 4, missingIndices: 0, damagedIndices: 0 })
    for (const name of FILES) {
      const key = keyOf(name)
      expect(lines.get(key)).toMatchObject(key === LAZY ? { index: 'none' } : { index: 'adopted', copy: 'borrowed' })
      const lease = await store.acquire(key)
      if (key !== LAZY) expect(lease.indexGeneration).toBe(1)
      for (const cid of blocksOf(name)) {
        const parsed = CID.parse(cid)
        // one of sha1 is found, and not given out
        if (parsed.multihash.code !== 0x11) expect(await lease.blockstore.bytes(parsed)).toHaveLength(await lease.blockstore.size(parsed))
      }
      await lease.close()
    }
    const errors = made.report['errors'] as Record<string, string>
    expect(await store.shard(BROKEN)).toMatchObject({ health: 'errored', error: { message: errors[BROKEN] } })
    expect((await adopt(folder, store)).result).toMatchObject({ registered: 0, already: 6, indices: 0 })

    for (const name of FILES) await store.initialize(keyOf(name))
    const flat = at('flat')
    for await (const outcome of store.exportIndices(openDirectory(flat))) expect(outcome.ok).toBe(true)
    await store.gc()
    await store.close()
    expect(await snapshot(folder)).toEqual(before)

    const repo = await readback('repo', flat, cars)
    expect(repo.message).toBe('')
    expect(repo.report['served']).toEqual(Object.fromEntries(FILES.map((name) => [keyOf(name), blocksOf(name).size])))

    // the original, as Go finds it, and with our indices in place of its own
    const served = Object.fromEntries(FILES.filter((name) => keyOf(name) !== LAZY).map((name) => [keyOf(name), blocksOf(name).size]))
    await cp(folder, at('replaced'), { recursive: true })
    for (const name of await readdir(flat)) await copyFile(join(flat, name), join(at('replaced'), 'index', name))
    for (const opened of [folder, at('replaced')]) {
      const reading = await readback('openfolder', opened, cars)
      expect(reading.message).toBe('')
      expect(reading.report).toMatchObject({ served, states: { [SERVED]: 'ShardStateAvailable', [LAZY]: 'ShardStateNew', [BROKEN]: 'ShardStateErrored' }, errors })
    }
  })
})
