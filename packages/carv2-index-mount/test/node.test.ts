import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { buildIndex } from '@dagstore/carv2'
import { createFilePool, type FileSource, openFileSource } from '@dagstore/io/node'
import { afterAll, describe, expect, it } from 'vitest'
import { openCarFile } from '../src/node.ts'
import { broken, cidOf, joinBytes } from './cars.ts'

const folder = mkdtempSync(join(tmpdir(), 'carv2-index-mount-'))
afterAll(() => { rmSync(folder, { recursive: true }) })
const blocks = makeBlocks(21, 200, { min: 10, max: 2000, hash: 'blake2b-256' })
const path = (name: string): string => join(folder, name)

const writeIndex = async (car: string): Promise<void> => {
  const source = await openFileSource(car)
  writeFileSync(`${car}.idx`, joinBytes((await buildIndex(source)).encode()))
  await source.close()
}
const check = async (car: string): Promise<{ origin: string, notices: string[] }> => {
  const notices: string[] = []
  const mount = await openCarFile(car, { onNotice: (text) => notices.push(text) })
  await Promise.all(Array.from({ length: 16 }, async () => {
    for (const block of blocks) expect(Buffer.compare(await mount.blockstore.bytes(cidOf(block)), block.data)).toBe(0)
  }))
  const origin = mount.indexOrigin
  await mount.close()
  await expect(mount.blockstore.bytes(cidOf(blocks[0]!))).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
  return { origin, notices }
}

describe('openCarFile', () => {
  it('builds an index for a CARv1, and writes nothing', async () => {
    writeFileSync(path('a.car'), carV1([], blocks))
    expect(await check(path('a.car'))).toEqual({ origin: 'built', notices: [] })
    expect(readdirSync(folder)).toEqual(['a.car'])
  })

  it('uses the index in a CARv2', async () => {
    writeFileSync(path('b.car'), carV2({ roots: [], blocks }))
    expect(await check(path('b.car'))).toEqual({ origin: 'attached', notices: [] })
  })

  it('uses an index beside the file, also after the file was moved or copied, and not one of another file', async () => {
    writeFileSync(path('c.car'), carV1([], blocks))
    await writeIndex(path('c.car'))
    expect(await check(path('c.car'))).toEqual({ origin: 'given', notices: [] })
    utimesSync(path('c.car'), 1, 1)
    expect(await check(path('c.car'))).toEqual({ origin: 'given', notices: [] })
    writeFileSync(path('c.car'), carV1([], [...blocks, blocks[0]!]))
    expect(await check(path('c.car'))).toMatchObject({ origin: 'built', notices: [expect.any(String)] })
    writeFileSync(path('c.car.idx'), 'no index')
    expect(await check(path('c.car'))).toMatchObject({ origin: 'built', notices: [expect.any(String)] })
  })

  it.each([undefined, 'use', 'verify'] as const)('builds an index, and says so, when the one beside the file can not be read; trust: %s', async (indexTrust) => {
    writeFileSync(path('e.car'), carV1([], blocks))
    await writeIndex(path('e.car'))
    for (let failing = 0, origin = ''; origin !== 'given'; failing++) {
      let reads = 0
      const openSource = async (file: string): Promise<FileSource> => {
        const source = await openFileSource(file)
        return file.endsWith('.idx') ? { ...source, read: (...args) => reads++ === failing ? Promise.reject(broken) : source.read(...args) } : source
      }
      const notices: string[] = []
      const mount = await openCarFile(path('e.car'), { files: { openSource }, onNotice: (text) => notices.push(text), indexTrust })
      origin = mount.indexOrigin
      expect(notices).toEqual(origin === 'given' ? [] : [`given index is not used: ${broken.message}`])
      if (failing === 0) expect(origin).toBe('built')
      expect(Buffer.compare(await mount.blockstore.bytes(cidOf(blocks[7]!)), blocks[7]!.data)).toBe(0)
      await mount.close()
    }
  })

  it('rejects when the CAR itself can not be read, whatever its index says', async () => {
    writeFileSync(path('f.car'), carV1([], blocks))
    await writeIndex(path('f.car'))
    const openSource = async (file: string): Promise<FileSource> => {
      const source = await openFileSource(file)
      return file.endsWith('.idx') ? source : { ...source, read: (at, ...rest) => at === 0 ? source.read(at, ...rest) : Promise.reject(broken) }
    }
    await expect(openCarFile(path('f.car'), { files: { openSource }, indexTrust: 'verify' })).rejects.toBe(broken)
  })

  it('serves very many files on few descriptors when they come from a pool', async () => {
    const files = createFilePool({ maxOpen: 4 })
    const paths = Array.from({ length: 40 }, (_, i) => path(`many-${i}.car`))
    paths.forEach((one, i) => { writeFileSync(one, carV2({ roots: [], blocks: blocks.slice(i, i + 100) })) })
    const mounts = await Promise.all(paths.map((one) => openCarFile(one, { files })))
    expect(files.openFiles).toBeLessThanOrEqual(4)
    await Promise.all(mounts.flatMap(({ blockstore }, i) => [0, 50, 99].map(async (k) => {
      expect(Buffer.compare(await blockstore.bytes(cidOf(blocks[i + k]!)), blocks[i + k]!.data)).toBe(0)
    })))
    writeFileSync(paths[0]!, carV2({ roots: [], blocks: blocks.slice(100) }))
    for (const mount of mounts.slice(1)) await mount.close()
    expect(files.openFiles).toBeLessThanOrEqual(1)
    await files.close()
  })

  it('names a file as it was asked for', async () => {
    await expect(openCarFile(path('none.car'), { label: 'none.car' })).rejects.toSatisfy((error: Error) => error.message.includes('path=none.car') && !error.message.includes(folder))
  })

  it('rejects when there is no such file, or it is no CAR', async () => {
    await expect(openCarFile(path('none.car'))).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    writeFileSync(path('text.car'), 'this is no CAR')
    await expect(openCarFile(path('text.car'))).rejects.toMatchObject({ name: 'CarV2Error' })
  })
})
