/** Why a block of a piece cannot be read: the store, the lotus mount and the sectors behind it tell it together. */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, makeBlocks, sectorFile } from '@dagstore-tooling/fixtures'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { createMemoryCatalogue, openDagstore } from '@dagstore/dagstore'
import { createHashes } from '@dagstore/hashes'
import { createMemoryDirectory } from '@dagstore/io'
import { createPieceLoader, lotusMount, lotusUrl, sectorPieceSource } from '@dagstore/lotus-mount'
import { localSectors, readStorageFolders } from '@dagstore/lotus-mount/node'
import { createMountRegistry } from '@dagstore/mounts'
import { createCommP } from '@dagstore/piece'
import { createMemoryPieceStore } from '@dagstore/piece-store'
import { createMemoryTopLevelIndex } from '@dagstore/top-level-index'
import { expect, it } from 'vitest'

it('names the sector file that is gone and the folders in which it is not, in the lines of an operator', async () => {
  const root = await mkdtemp(join(tmpdir(), 'why-'))
  const [a, b] = [join(root, 'a'), join(root, 'b')]
  await mkdir(join(b, 'unsealed'), { recursive: true })
  const blocks = makeBlocks(1, 3, { min: 10, max: 60 })
  const payload = carV1([blocks[0]!.cid], blocks)
  const commp = createCommP()
  commp.write(payload)
  const { cidV1, paddedBytes } = commp.finish()
  const file = join(b, 'unsealed', 's-t01000-42')
  const sector = sectorFile({ sectorBytes: 2048, pieces: [{ offset: 0, paddedBytes, payload }] })
  await writeFile(file, sector)
  const pieceStore = createMemoryPieceStore()
  await pieceStore.add(cidV1, { miner: 1000n, sector: 42n, offsetPadded: 0, lengthPadded: paddedBytes, payloadBytes: payload.byteLength })
  let forgotten = false
  const loader = createPieceLoader([sectorPieceSource({ pieceStore: { get: async (piece) => forgotten ? [] : pieceStore.get(piece) }, openSectorFile: localSectors([a, ...await readStorageFolders(b)]) })])
  const clock = createFakeClock(Date.UTC(2026, 10, 20, 10, 2))
  const store = await openDagstore({
    catalogue: createMemoryCatalogue(), topLevelIndex: createMemoryTopLevelIndex(), files: createMemoryDirectory('files'), mounts: createMountRegistry([lotusMount(loader)]), hashes: createHashes(), clock,
  })
  const key = cidV1.toString()
  const url = lotusUrl(cidV1)
  await store.register(key, url, { indexing: 'eager' })
  expect(await store.why(blocks[1]!.cid)).toMatchObject({ retrievable: true })

  await rm(file)
  await expect(store.acquire(key)).rejects.toThrow()
  const { retrievable, steps, fix } = await store.why(blocks[1]!.cid)
  expect(retrievable).toBe(false)
  expect(steps.map(({ name, ok }) => `${name} ${ok}`)).toEqual(['key true', 'shards true', 'state false', 'source false'])
  expect(steps.slice(1).map(({ detail }) => detail)).toEqual([
    `${key} (1 of 1)`,
    'Errored IO_SOURCE_LOST since 2026-11-20 10:02, attempt 1 of 5',
    `${url} → t01000 sector 42 @0: s-t01000-42 not in ${a}, ${b}`,
  ])
  expect(fix).toBe(`restore the file or unseal, then: dagstore recover-shard ${key}`)

  await writeFile(file, sector)
  await store.recover(key)
  expect(await store.why(blocks[1]!.cid)).toMatchObject({ retrievable: true, fix: undefined })

  await rename(b, `${b}-unplugged`)
  const away = await store.why(blocks[1]!.cid)
  expect(away.steps.at(-1)?.detail).toContain(`is its disk there? path=${b}`)
  expect(away.fix).toBe('bring back its disk, server or file, or unseal')
  await rename(`${b}-unplugged`, b)

  forgotten = true
  expect((await store.why(blocks[1]!.cid)).fix).toBe('say where it is: dagstore migrate')
  await store.close()
  await loader.close()
  await rm(root, { recursive: true })
})
