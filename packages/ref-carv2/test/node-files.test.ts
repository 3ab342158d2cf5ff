import { link, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeReferencedFiles } from '../src/node.ts'

let folder = ''
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ref-')))
  await mkdir(join(folder, 'in/deep'), { recursive: true })
  await mkdir(join(folder, 'inner'))
  await writeFile(join(folder, 'in/deep/a'), 'inside')
  await writeFile(join(folder, 'secret'), 'outside')
  await writeFile(join(folder, 'inner/b'), 'beside')
  await symlink(join(folder, 'secret'), join(folder, 'in/out'))
  await symlink('..', join(folder, 'in/up'))
  await symlink('deep/a', join(folder, 'in/to-a'))
  await symlink(join(folder, 'in'), join(folder, 'alias'))
  await link(join(folder, 'in/deep/a'), join(folder, 'in/hard'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const readBy = async (allow: readonly string[] | 'all', path: string): Promise<string> => {
  try {
    await using source = await nodeReferencedFiles({ allow }).open(path)
    return new TextDecoder().decode(await source.read(0, source.sizeBytes))
  } catch (error) {
    return (error as { readonly code: string }).code
  }
}

describe('nodeReferencedFiles', () => {
  it.each([
    ['in/deep/a', 'inside'], ['in/to-a', 'inside'], ['in/hard', 'inside'], ['alias/deep/a', 'inside'], ['in/gone', 'IO_NOT_FOUND'], ['in/deep', 'IO_FAILED'],
    ['secret', 'REF_CAR_FORBIDDEN'], ['in/out', 'REF_CAR_FORBIDDEN'], ['in/up/secret', 'REF_CAR_FORBIDDEN'], ['inner/b', 'REF_CAR_FORBIDDEN'],
    // not even whether it is there
    ['gone', 'REF_CAR_FORBIDDEN'], ['inner/gone/x', 'REF_CAR_FORBIDDEN'], ['in/up/gone', 'REF_CAR_FORBIDDEN'],
  ])('of a folder alone opens %s: %s', async (path, want) => {
    expect(await readBy([join(folder, 'in')], join(folder, path))).toBe(want)
    expect(await readBy([join(folder, 'alias')], join(folder, path)), 'named by a link').toBe(want)
  })
  it('of a file alone opens it', async () => {
    expect(await readBy([join(folder, 'in/deep/a')], join(folder, 'in/to-a'))).toBe('inside')
    expect(await readBy([join(folder, 'in/deep/a')], join(folder, 'in/deep/a/x'))).toMatch(/^IO_NOT_FOUND$/)
    expect(await readBy([join(folder, 'in/deep/a')], join(folder, 'secret'))).toBe('REF_CAR_FORBIDDEN')
    expect(await readBy([], join(folder, 'secret'))).toBe('REF_CAR_FORBIDDEN')
    expect(await readBy([join(folder, 'not-there')], join(folder, 'secret'))).toBe('REF_CAR_FORBIDDEN')
  })
  it('of everything opens everything', async () => {
    expect(await readBy('all', join(folder, 'secret'))).toBe('outside')
    expect(await readBy('all', join(folder, 'gone'))).toBe('IO_NOT_FOUND')
    expect(await readBy(['/'], join(folder, 'in/out'))).toBe('outside')
  })
})
