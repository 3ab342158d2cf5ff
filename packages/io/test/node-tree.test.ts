import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { TreeDirectory, TreeEntry, TreeFile } from '../src/index.ts'
import { openTree } from '../src/node.ts'
import { descriptorsIn, temporaryFolders } from './temporary-folder.ts'

const folder = temporaryFolders()
const coded = (code: string, retry?: string): unknown => expect.objectContaining(retry === undefined ? { code } : { code, retry })

const contentOf = async (file: TreeFile): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of file.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
const childrenOf = async (tree: TreeEntry): Promise<TreeEntry[]> => {
  const children: TreeEntry[] = []
  for await (const child of (tree as TreeDirectory).entries()) children.push(child)
  return children
}
const show = async (tree: TreeEntry): Promise<unknown> => {
  switch (tree.kind) {
    case 'file': return `${tree.name}: ${(await contentOf(tree)).toString()}`
    case 'link': return `${tree.name} -> ${tree.target}`
    case 'directory': {
      const shown: unknown[] = []
      for (const child of await childrenOf(tree)) shown.push(await show(child))
      return { [tree.name]: shown }
    }
  }
}

describe('openTree', () => {
  it('gives files, folders and links, sorted by the bytes of their names', async () => {
    const root = join(folder(), 'root')
    mkdirSync(join(root, 'b', 'empty'), { recursive: true })
    for (const name of ['a', 'B', 'a.b', 'a b', 'é', '\uffee', '\u{1f600}', 'b/inside', '.hidden', 'back\\slash']) writeFileSync(join(root, name), name)
    symlinkSync('b', join(root, 'link'))
    symlinkSync('/nowhere', join(root, 'b', 'dangling'))
    expect(await show(await openTree(root))).toEqual({
      root: [
        '.hidden: .hidden', 'B: B', 'a: a', 'a b: a b', 'a.b: a.b',
        { b: ['dangling -> /nowhere', { empty: [] }, 'inside: b/inside'] },
        'back\\slash: back\\slash', 'link -> b', 'é: é', '\uffee: \uffee', '\u{1f600}: \u{1f600}',
      ],
    })
  })

  it('follows the root when it is a link, under its own name', async () => {
    const home = folder()
    mkdirSync(join(home, 'real'))
    writeFileSync(join(home, 'real', 'file'), 'text')
    symlinkSync('real', join(home, 'folder-link'))
    symlinkSync('real/file', join(home, 'file-link'))
    expect(await show(await openTree(join(home, 'folder-link/')))).toEqual({ 'folder-link': ['file: text'] })
    expect(await show(await openTree(join(home, 'file-link')))).toBe('file-link: text')
  })

  it('gives a file in chunks of 1 MiB, as often as asked, and closes it', async () => {
    const path = join(folder(), 'large')
    const bytes = Buffer.alloc((5 << 19) + 3, 'some text ')
    writeFileSync(path, bytes)
    const file = await openTree(path) as TreeFile
    expect(file).toMatchObject({ kind: 'file', name: 'large', sizeBytes: bytes.byteLength })
    const lengths: number[] = []
    for await (const chunk of file.read()) lengths.push(chunk.byteLength)
    expect(lengths).toEqual([1 << 20, 1 << 20, (1 << 19) + 3])
    expect(Buffer.compare(await contentOf(file), bytes)).toBe(0)
    for await (const chunk of file.read()) {
      expect(chunk.byteLength).toBe(1 << 20)
      break
    }
    expect(descriptorsIn(path) ?? 0).toBe(0)
  })

  it.each([
    { what: 'longer before it is read', change: (path: string) => appendFileSync(path, 'x'), when: 'before' },
    { what: 'shorter before it is read', change: (path: string) => truncateSync(path, 5), when: 'before' },
    { what: 'longer while it is read', change: (path: string) => appendFileSync(path, 'x'), when: 'during' },
    { what: 'shorter while it is read', change: (path: string) => truncateSync(path, 5), when: 'during' },
    { what: 'rewritten while it is read', change: (path: string) => utimesSync(path, 1, 1), when: 'during' },
  ])('rejects a file that became $what', async ({ change, when }) => {
    const path = join(folder(), 'file')
    writeFileSync(path, Buffer.alloc(6 << 20))
    const file = await openTree(path) as TreeFile
    if (when === 'before') change(path)
    let chunks = 0
    const reading = (async () => {
      for await (const chunk of file.read()) {
        expect(chunk.byteLength).toBeGreaterThan(0)
        if (chunks++ === 0) change(path)
      }
    })()
    await expect(reading).rejects.toEqual(coded('IO_SOURCE_CHANGED', 'later'))
    expect(descriptorsIn(path) ?? 0).toBe(0)
  })

  it('rejects when a file is gone by the time it is read, or reached', async () => {
    const root = folder()
    for (const name of ['a', 'b', 'c']) writeFileSync(join(root, name), name)
    const entries = (await openTree(root) as TreeDirectory).entries()[Symbol.asyncIterator]()
    const first = (await entries.next()).value as TreeFile
    unlinkSync(join(root, 'a'))
    unlinkSync(join(root, 'b'))
    await expect(contentOf(first)).rejects.toEqual(coded('IO_NOT_FOUND'))
    await expect(entries.next()).rejects.toEqual(coded('IO_SOURCE_CHANGED', 'later'))
  })

  it('rejects with the reason of a signal, between entries and between chunks', async () => {
    const root = folder()
    for (const name of ['a', 'b']) writeFileSync(join(root, name), Buffer.alloc(3 << 20))
    const reason = new Error('enough')
    const tree = await openTree(root) as TreeDirectory
    await expect(tree.entries({ signal: AbortSignal.abort(reason) })[Symbol.asyncIterator]().next()).rejects.toBe(reason)
    const walking = new AbortController()
    const entries = tree.entries({ signal: walking.signal })[Symbol.asyncIterator]()
    const file = (await entries.next()).value as TreeFile
    walking.abort(reason)
    await expect(entries.next()).rejects.toBe(reason)
    const reading = new AbortController()
    const chunks = file.read({ signal: reading.signal })[Symbol.asyncIterator]()
    await chunks.next()
    reading.abort(reason)
    // one chunk was read ahead, before the abort or after it
    await expect((async () => { while ((await chunks.next()).done !== true); })()).rejects.toBe(reason)
    expect(descriptorsIn(root) ?? 0).toBe(0)
  })

  it('says what is missing', async () => {
    await expect(openTree(join(folder(), 'missing'))).rejects.toEqual(coded('IO_NOT_FOUND'))
  })

  it.skipIf(process.platform === 'win32')('refuses what is neither file, folder nor link, naming it (not on Windows, which has no such files)', async () => {
    const root = folder()
    execFileSync('mkfifo', [join(root, 'pipe')])
    const entries = (await openTree(root) as TreeDirectory).entries()[Symbol.asyncIterator]()
    await expect(entries.next()).rejects.toThrow(`path=${join(root, 'pipe')} kind=fifo`)
    await expect(openTree(join(root, 'pipe'))).rejects.toEqual(coded('IO_FAILED'))
    await expect(openTree('/dev/null')).rejects.toThrow('kind=device')
  })

  it.skipIf(process.platform !== 'linux')('refuses a name that is not UTF-8, in hex (on Linux, where names are bytes)', async () => {
    const root = folder()
    writeFileSync(Buffer.concat([Buffer.from(`${root}/bad`), Buffer.of(0xff, 0xfe)]), '')
    const entries = (await openTree(root) as TreeDirectory).entries()[Symbol.asyncIterator]()
    await expect(entries.next()).rejects.toThrow('nameHex=626164fffe')
  })

  it('walks a folder of many files', async () => {
    const root = folder()
    const names = Array.from({ length: 3000 }, (_, at) => `file-${at}`)
    for (const name of names) writeFileSync(join(root, name), '')
    const found = (await childrenOf(await openTree(root))).map(({ name }) => name)
    expect(found).toEqual(names.sort())
  })
})
