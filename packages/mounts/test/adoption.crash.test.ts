/** Taking over a local file, cut off after every operation: nothing that was given is lost, and nothing of ours stays behind. */
import { type Directory, readChunks } from '@dagstore/io'
import { type CrashFs, everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { type AdoptMode, type LocalFiles, openTransients, type Transients, transientName } from '../src/index.ts'
import { bytesOf, createTape } from './tape.ts'

const BYTES = bytesOf(3000)
const ADOPTED = `t/${transientName('k', 1).replace('.transient', '.adopted')}`

/** Files of the same disk, in the steps of the form for Node: a draft, synced, renamed, and only then the old name removed. */
const filesOf = (disk: Directory): LocalFiles => {
  const place = async (path: string, name: string): Promise<void> => {
    const from = await disk.openSource(path)
    const draft = await disk.openWritable('draft', 'any')
    await draft.truncate(0)
    let at = 0
    for await (const chunk of readChunks(from, 0, from.sizeBytes)) {
      await draft.write(at, chunk)
      at += chunk.byteLength
    }
    await draft.sync()
    await draft.close()
    await from.close()
    await disk.rename('draft', `t/${name}`)
  }
  return {
    recorded: (path) => path,
    open: (path) => disk.openSource(path),
    link: place,
    move: async (path, name) => {
      await place(path, name)
      await disk.remove(path)
    },
  }
}
const openOn = ({ directory }: CrashFs): Promise<Transients> => openTransients({ directory: directory.child('t'), localFiles: filesOf(directory), quotaBytes: 100_000 })
const held = (fs: CrashFs, name: string): boolean => Buffer.compare(fs.content(name) ?? new Uint8Array(0), BYTES) === 0
const left = (fs: CrashFs): string[] => fs.names().filter((name) => name !== 't/transients.json' && name !== 'given.car' && name !== 'draft')

describe('a local file that is given, cut off at any operation', () => {
  it.each<AdoptMode>(['borrow', 'link', 'move'])('is not lost, is used or the mount is, and goes when it is ours: %s', async (mode) => {
    const cuts = await everyCrash({
      seed: `adopt ${mode}`,
      run: async ({ fs }) => {
        fs.plant('given.car', BYTES)
        const transients = await openOn(fs)
        // in place of a copy that is there
        await (await transients.open(createTape(bytesOf(2000)).mount, { key: 'k', generation: 1 })).close()
        await transients.adopt({ key: 'k', generation: 1, path: 'given.car', mode })
        await (await transients.open(createTape(BYTES).mount, { key: 'k', generation: 1 })).close()
        await transients.close()
      },
      check: async ({ fs }) => {
        // nothing was removed yet, so it stands under one of its names at least
        expect(held(fs, 'given.car') || (mode === 'move' && held(fs, ADOPTED))).toBe(true)
        const before = await openOn(fs)
        if (held(fs, 'given.car')) {
          await before.adopt({ key: 'k', generation: 1, path: 'given.car', mode })
          await before.adopt({ key: 'k', generation: 1, path: 'given.car', mode })
        }
        const tape = createTape(BYTES)
        const source = await before.open(tape.mount, { key: 'k', generation: 1 })
        expect(await source.read(0, 3000)).toEqual(BYTES)
        await source.close()
        const { bytes } = await before.usage()
        const ours = left(fs).filter((name) => mode === 'move' || !name.endsWith('.adopted'))
        expect(bytes).toBe(ours.reduce((sum, name) => sum + fs.content(name)!.byteLength, 0))
        await before.remove('k', 1)
        expect(left(fs)).toEqual([])
        // D18: what was lent stays
        if (mode !== 'move') expect(held(fs, 'given.car')).toBe(true)
        await before.close()
      },
    })
    expect(cuts).toBeGreaterThan(15)
  })

  it('is not lost when it is let go: removed whole, or to be removed again', async () => {
    for (const mode of ['link', 'move'] as const) {
      await everyCrash({
        seed: `let go ${mode}`,
        run: async ({ fs }) => {
          fs.plant('given.car', BYTES)
          const transients = await openOn(fs)
          await transients.adopt({ key: 'k', generation: 1, path: 'given.car', mode })
          await transients.remove('k', 1)
          await transients.close()
        },
        check: async ({ fs }) => {
          const transients = await openOn(fs)
          await transients.collect({ keep: () => false })
          expect(left(fs)).toEqual([])
          if (mode === 'link') expect(held(fs, 'given.car')).toBe(true)
          expect(await transients.usage()).toMatchObject({ bytes: 0, copies: 0 })
          await transients.close()
        },
      })
    }
  })
})
