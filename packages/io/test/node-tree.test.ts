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

  it.skipIf(process.platform !== 'linux')('never takes a file for empty that says so and is not, as below /proc (on Linux, which has such files)', async () => {
    const entry = await openTree('/proc/self/status') as TreeFile
    expect(entry).toMatchObject({ kind: 'file', sizeBytes: 0 })
    await expect(contentOf(entry)).rejects.toEqual(coded('IO_FAILED'))
    let seen = 0
    for await (const child of (await openTree('/proc/sys/kernel/random') as TreeDirectory).entries()) {
      if (child.kind !== 'file' || !['boot_id', 'entropy_avail', 'poolsize'].includes(child.name)) continue
      expect(await child.readAll?.()).toBeUndefined()
      await expect(contentOf(child)).rejects.toThrow(`path=/proc/sys/kernel/random/${child.name}`)
      seen++
    }
    expect(seen).toBe(3)
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

  describe('of small files one after another', () => {
    const nameOf = (at: number): string => `file-${String(at).padStart(3, '0')}`
    const filled = (count: number): string => {
      const root = folder()
      for (let at = 0; at < count; at++) writeFileSync(join(root, nameOf(at)), `content of ${at}`)
      return root
    }
    /** Every file read in its turn. */
    const walk = async (root: string, before: (name: string) => unknown = () => {}): Promise<Record<string, string>> => {
      const found: Record<string, string> = {}
      for await (const entry of (await openTree(root) as TreeDirectory).entries()) {
        await before(entry.name)
        found[entry.name] = entry.kind === 'file' ? (await contentOf(entry)).toString() : entry.kind
      }
      return found
    }

    it('gives all of them, however many, with folders, links, empty and long ones between', async () => {
      const root = filled(200)
      mkdirSync(join(root, 'file-050-folder'))
      symlinkSync('x', join(root, 'file-060-link'))
      writeFileSync(join(root, 'file-070-empty'), '')
      const long = 'long '.repeat(20_000)
      writeFileSync(join(root, 'file-080-long'), long)
      const longer = 'longer '.repeat(200_000)
      writeFileSync(join(root, 'file-090-longer'), longer)
      const want = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [nameOf(at), `content of ${at}`]))
      expect(await walk(root)).toEqual({ ...want, 'file-050-folder': 'directory', 'file-060-link': 'link', 'file-070-empty': '', 'file-080-long': long, 'file-090-longer': longer })
      expect(descriptorsIn(root) ?? 0).toBe(0)
    })

    it('gives the bytes at once while it is their turn, in memory of their own, and each time by reading', async () => {
      const root = filled(40)
      let atOnce = 0
      const kept: TreeFile[] = []
      for await (const entry of (await openTree(root) as TreeDirectory).entries()) {
        const file = entry as TreeFile
        kept.push(file)
        const bytes = await file.readAll!()
        if (bytes === undefined) continue
        atOnce++
        expect(Buffer.from(bytes).toString()).toBe((await contentOf(file)).toString())
        expect(bytes.buffer.byteLength).toBe(bytes.byteLength)
        bytes.fill(0)
      }
      expect(atOnce).toBe(40)
      for (const [at, file] of kept.entries()) {
        expect(await file.readAll!()).toBeUndefined()
        expect((await contentOf(file)).toString()).toBe(`content of ${at}`)
      }
    })

    it('looks at nothing beyond the turn of a reader that skips', async () => {
      const root = filled(20)
      const entries = (await openTree(root) as TreeDirectory).entries()[Symbol.asyncIterator]()
      await entries.next()
      await entries.next()
      writeFileSync(join(root, nameOf(2)), 'changed')
      const third = (await entries.next()).value as TreeFile
      expect(third.sizeBytes).toBe(7)
      expect((await contentOf(third)).toString()).toBe('changed')
    })

    it('has nothing old behind a folder, however long that takes', async () => {
      const root = filled(20)
      mkdirSync(join(root, 'file-005-folder'))
      const found = await walk(root, (name) => { if (name === 'file-005-folder') for (let at = 6; at < 20; at++) writeFileSync(join(root, nameOf(at)), 'changed') })
      for (let at = 6; at < 20; at++) expect(found[nameOf(at)]).toBe('changed')
    })

    it.skipIf(process.platform === 'win32')('tells of a file that cannot be read only in its turn, with its path (not on Windows, which has no such files)', async () => {
      const root = filled(5)
      execFileSync('mkfifo', [join(root, 'file-003-pipe')])
      const names: string[] = []
      await expect(walk(root, (name) => names.push(name))).rejects.toThrow(`path=${join(root, 'file-003-pipe')} kind=fifo`)
      expect(names).toEqual([0, 1, 2, 3].map(nameOf))
      expect(descriptorsIn(root) ?? 0).toBe(0)
    })

    it('rejects a file of another length than the one that its folder gave', async () => {
      const root = filled(5)
      await expect(walk(root, (name) => { if (name === nameOf(0)) appendFileSync(join(root, name), 'x') })).rejects.toEqual(coded('IO_SOURCE_CHANGED', 'later'))
      expect(descriptorsIn(root) ?? 0).toBe(0)
    })

    it('has nothing open when the reader leaves', async () => {
      const root = filled(100)
      let read = 0
      for await (const entry of (await openTree(root) as TreeDirectory).entries()) {
        await contentOf(entry as TreeFile)
        if (++read === 10) break
      }
      expect(descriptorsIn(root) ?? 0).toBe(0)
    })

    it('ends with the reason of a signal', async () => {
      const root = filled(100)
      const ending = new AbortController()
      const reason = new Error('enough')
      let read = 0
      const walking = (async () => {
        for await (const entry of (await openTree(root) as TreeDirectory).entries({ signal: ending.signal })) {
          await contentOf(entry as TreeFile)
          if (++read === 10) ending.abort(reason)
        }
      })()
      await expect(walking).rejects.toBe(reason)
      expect(read).toBe(10)
    })
  })
})
