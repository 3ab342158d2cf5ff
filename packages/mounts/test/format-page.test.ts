/** The worked examples of docs/formats/transients.md. */
import { readFile } from 'node:fs/promises'
import { createMemoryDirectory } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { openTransients, transientName } from '../src/index.ts'
import { createTape, filesIn } from './tape.ts'

const page = await readFile(new URL('../../../docs/formats/transients.md', import.meta.url), 'utf8')
const read = async (directory: ReturnType<typeof createMemoryDirectory>, name: string): Promise<Uint8Array> => {
  const source = await directory.openSource(name)
  const bytes = await source.read(0, source.sizeBytes)
  await source.close()
  return bytes
}
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe('the page of the format', () => {
  it('shows a copy byte for byte, its name, its record and the order as they are written', async () => {
    const directory = createMemoryDirectory()
    const transients = await openTransients({ directory, quotaBytes: 10_000 })
    const tape = createTape(new TextEncoder().encode('hello'), '1', 3)
    tape.before = (at) => { if (at === 3) throw new Error('stop') }
    await expect(transients.open(tape.mount, { key: 'k', generation: 7 })).rejects.toThrow('stop')
    const name = transientName('k', 7)
    expect(page).toContain(`${name} `)
    expect(page).toContain(`    ${textOf(await read(directory, name.replace('.transient', '.progress')))}`)
    tape.before = () => {}
    await (await transients.open(tape.mount, { key: 'k', generation: 7 })).close()
    await transients.close()
    const hex = Buffer.from(await read(directory, name)).toString('hex')
    expect(page.replaceAll(/\s/gu, '')).toContain(`thetag\`"1"\`:${hex}`)
    expect(page).toContain(`    ${textOf(await read(directory, 'transients.json'))}`)
    expect((await filesIn(directory)).sort()).toEqual([name, 'transients.json'].sort())
  })

  it('shows a copy that is read, and the record of a given file as it is written', async () => {
    const directory = createMemoryDirectory()
    const [, hex = ''] = /that gave the tag `"1"`:\n\n((?: {4}[0-9a-f]+\n)+)/u.exec(page) ?? []
    await directory.writeAtomic(transientName('k', 7), [Uint8Array.from(Buffer.from(hex.replaceAll(/\s/gu, ''), 'hex'))])
    const source = await createTape(new TextEncoder().encode('hello'), '1').mount.open()
    if (source.access === 'random') throw new Error('not sequential')
    const transients = await openTransients({
      directory,
      localFiles: {
        recorded: (path) => path,
        open: async () => {
          const file = await directory.openSource(transientName('k', 7))
          return { ...file, identity: { kind: 'file', sizeBytes: 5, mtimeNs: 1n, inode: 2n } }
        },
        move: async () => {},
        link: async () => {},
      },
    })
    const copy = await transients.open(createTape(new TextEncoder().encode('hello'), '1').mount, { key: 'k', generation: 7 })
    expect(textOf(await copy.read(0, copy.sizeBytes))).toBe('hello')
    expect(copy.identity).toEqual(source.identity)
    await copy.close()
    await transients.adopt({ key: 'k', generation: 7, path: 'given.car', mode: 'borrow' })
    expect(page).toContain(`    ${textOf(await read(directory, transientName('k', 7).replace('.transient', '.adoption')))}`)
    await transients.close()
  })
})
