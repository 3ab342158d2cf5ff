/** Files given from another file system, where there are no second names. */
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDirectory } from '@dagstore/io/node'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type AdoptMode, openTransients } from '../src/index.ts'
import { localFiles } from '../src/node.ts'
import { bytesOf, createTape, filesIn } from './tape.ts'

const copying = vi.hoisted(() => ({ meanwhile: async (_path: string): Promise<void> => {} }))
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>()
  return {
    ...fs,
    link: async () => { throw Object.assign(new Error('test'), { code: 'EXDEV' }) },
    copyFile: async (from: string, to: string) => {
      await fs.copyFile(from, to)
      await copying.meanwhile(from)
    },
  }
})

const BYTES = bytesOf(5000)
let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-files-'))
  path = join(folder, 'given.car')
  await writeFile(path, BYTES)
  copying.meanwhile = async () => {}
})
afterEach(() => rm(folder, { recursive: true }))
const openHere = () => openTransients({ directory: openDirectory(join(folder, 't')), localFiles: localFiles({ folder: join(folder, 't') }) })
const exists = (file: string): Promise<boolean> => stat(file).then(() => true, () => false)

describe('a file of another file system', () => {
  it.each<AdoptMode>(['link', 'move'])('is copied, and used: %s', async (mode) => {
    const transients = await openHere()
    await transients.adopt({ key: 'k', generation: 1, path, mode })
    expect(await exists(path)).toBe(mode === 'link')
    const tape = createTape(BYTES)
    const source = await transients.open(tape.mount, { key: 'k', generation: 1 })
    expect(await source.read(0, 5000)).toEqual(BYTES)
    expect(tape.starts).toEqual([])
    await source.close()
    await transients.close()
  })

  it('is not taken away when it was written to while it was copied', async () => {
    copying.meanwhile = (from) => appendFile(from, 'more')
    const transients = await openHere()
    await expect(transients.adopt({ key: 'k', generation: 1, path, mode: 'move' })).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED', retry: 'later' })
    expect(await readFile(path)).toHaveLength(5004)
    expect((await filesIn(openDirectory(join(folder, 't')))).filter((name) => name.endsWith('.adopted'))).toEqual([])
    copying.meanwhile = async () => {}
    await transients.adopt({ key: 'k', generation: 1, path, mode: 'move' })
    expect(await exists(path)).toBe(false)
    await transients.remove('k', 1)
    await transients.close()
  })

  it('leaves nothing behind when it cannot be copied', async () => {
    copying.meanwhile = async () => { throw Object.assign(new Error('test'), { code: 'ENOSPC' }) }
    const transients = await openHere()
    await expect(transients.adopt({ key: 'k', generation: 1, path, mode: 'move' })).rejects.toMatchObject({ code: 'IO_FULL' })
    expect(await readFile(path)).toHaveLength(5000)
    await transients.remove('k', 1)
    expect(await filesIn(openDirectory(join(folder, 't')))).toEqual([])
    await transients.close()
  })
})
