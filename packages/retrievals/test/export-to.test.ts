import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTree } from '@dagstore/io/node'
import type { TreeEntry } from '@dagstore/io'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exportTo } from '../src/node.ts'
import { codeOf, file, flatten, folder, link, rejection, sampleTree } from './stores.ts'

let home: string
beforeEach(async () => { home = await mkdtemp(join(tmpdir(), 'retrievals-')) })
afterEach(async () => { await rm(home, { recursive: true, force: true }) })

const bytes = new Uint8Array(10).fill(1)

describe('exportTo', () => {
  it('writes a tree, and says what it wrote', async () => {
    const progress: number[] = []
    const report = await exportTo(sampleTree(), join(home, 'out'), { onProgress: ({ doneBytes }) => { progress.push(doneBytes) } })
    expect(report).toEqual({ files: 5, directories: 3, links: 0, bytes: 3_800_202 })
    expect(progress.at(-1)).toBe(3_800_202)
    expect(await flatten(await openTree(join(home, 'out')))).toEqual(await flatten(sampleTree()))
    expect(await readdir(home)).toEqual(['out'])
  })

  it('writes one file, and links that stay in the tree', async () => {
    await exportTo(file('whatever', bytes), join(home, 'one.bin'))
    expect(await readFile(join(home, 'one.bin'))).toEqual(Buffer.from(bytes))
    await exportTo(folder('', folder('a', link('l', '../b/f'), link('top', './..')), folder('b', file('f', bytes))), join(home, 'tree'))
    expect(await readlink(join(home, 'tree', 'a', 'l'))).toBe('../b/f')
  })

  it('leaves an existing target alone', async () => {
    await writeFile(join(home, 'f'), 'mine')
    await mkdir(join(home, 'd'))
    for (const name of ['f', 'd']) expect(codeOf(await rejection(exportTo(file('', bytes), join(home, name))))).toBe('RETRIEVAL_TARGET_EXISTS')
    expect(await readFile(join(home, 'f'), 'utf8')).toBe('mine')
    expect(codeOf(await rejection(exportTo(file('', bytes), join(home, 'no', 'such', 'folder'))))).toBe('IO_NOT_FOUND')
  })

  it.each<{ why: string, entry: TreeEntry, code: string }>([
    { why: 'a separator', entry: file('a/b', bytes), code: 'RETRIEVAL_UNSAFE_NAME' },
    { why: 'a way up', entry: file('..', bytes), code: 'RETRIEVAL_UNSAFE_NAME' },
    { why: 'the folder itself', entry: file('.', bytes), code: 'RETRIEVAL_UNSAFE_NAME' },
    { why: 'no name', entry: file('', bytes), code: 'RETRIEVAL_UNSAFE_NAME' },
    { why: 'a NUL', entry: file('a\0b', bytes), code: 'RETRIEVAL_UNSAFE_NAME' },
    { why: 'an absolute path', entry: file('/etc/passwd', bytes), code: 'RETRIEVAL_UNSAFE_NAME' },
    { why: 'a folder that leads up', entry: folder('../x', file('f', bytes)), code: 'RETRIEVAL_UNSAFE_NAME' },
    { why: 'a link that leads up', entry: link('l', '../out'), code: 'RETRIEVAL_UNSAFE_LINK' },
    { why: 'a link that leads up in the end', entry: folder('d', link('l', 'x/../../../y')), code: 'RETRIEVAL_UNSAFE_LINK' },
    { why: 'a link that leads up through another link', entry: folder('d', folder('e', link('top', '../..')), link('out', 'e/top/../secret')), code: 'RETRIEVAL_UNSAFE_LINK' },
    { why: 'an absolute link', entry: link('l', '/etc'), code: 'RETRIEVAL_UNSAFE_LINK' },
    { why: 'a link to nothing', entry: link('l', ''), code: 'RETRIEVAL_UNSAFE_LINK' },
  ])('refuses $why, and leaves nothing', async ({ entry, code }) => {
    expect(codeOf(await rejection(exportTo(folder('', file('good', bytes), entry), join(home, 'out'))))).toBe(code)
    expect(await readdir(home)).toEqual([])
  })

  it('refuses two entries of one name, a link that a folder would be written through among them', async () => {
    expect(codeOf(await rejection(exportTo(folder('', link('a', 'b'), folder('a', file('f', bytes))), join(home, 'out'))))).toBe('RETRIEVAL_UNSAFE_NAME')
    expect(await readdir(home)).toEqual([])
  })

  it('leaves nothing when it is aborted, or when reading fails half-way', async () => {
    const leaving = new AbortController()
    const slow: TreeEntry = { kind: 'file', name: 'f', sizeBytes: 20, read: async function * () { yield bytes; leaving.abort(new Error('enough')); yield bytes } }
    await expect(exportTo(folder('', slow), join(home, 'out'), { signal: leaving.signal })).rejects.toThrow('enough')
    const broken: TreeEntry = { kind: 'file', name: 'f', sizeBytes: 20, read: async function * () { yield bytes; throw new Error('no more') } }
    await expect(exportTo(folder('', broken), join(home, 'out'))).rejects.toThrow('no more')
    expect(await readdir(home)).toEqual([])
  })
})
