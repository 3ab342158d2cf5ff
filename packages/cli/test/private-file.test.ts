import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createPrivateFile, readPrivateFile, removePrivateDrafts, removePrivateFile, writePrivateFile } from '../src/private-file.ts'
import { temporaryFolder } from './terminal.ts'

describe('a private file', () => {
  it('is its owner\'s alone, whole, and replaced as a whole', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'x')
    await writeFile(path, 'theirs', { mode: 0o644 })
    await writePrivateFile(path, 'a')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readPrivateFile(path)).toBe('a')
    await removePrivateFile(path)
    await removePrivateFile(path)
    expect(await readPrivateFile(path)).toBeUndefined()
    expect(await readdir(folder)).toEqual([])
  })

  it('is made once, by whoever comes first', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'x')
    const made = await Promise.all(Array.from({ length: 10 }, (_, at) => createPrivateFile(path, String(at))))
    expect(made.filter(Boolean)).toHaveLength(1)
    expect(await readFile(path, 'utf8')).toBe(String(made.indexOf(true)))
    expect(await readdir(folder)).toEqual(['x'])
  })

  it('leaves nothing where it cannot be written', async () => {
    const folder = await temporaryFolder()
    await expect(writePrivateFile(join(folder, 'no', 'x'), 'a')).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await readdir(folder)).toEqual([])
  })

  it('has drafts that are taken away when they are old, and no others', async () => {
    const folder = await temporaryFolder()
    const drafts = ['.api.0123456789abcdef.tmp', '.token.0123456789abcdef.tmp', '.other.0123456789abcdef.tmp', '.api.tmp']
    for (const name of drafts) await writeFile(join(folder, name), '')
    await removePrivateDrafts(folder, ['api', 'token'])
    expect((await readdir(folder)).sort()).toEqual([...drafts].sort())
    for (const name of drafts) await utimes(join(folder, name), 1, 1)
    await removePrivateDrafts(folder, ['api', 'token'])
    expect((await readdir(folder)).sort()).toEqual(['.api.tmp', '.other.0123456789abcdef.tmp'])
    await removePrivateDrafts(join(folder, 'nowhere'), ['api'])
  })
})
