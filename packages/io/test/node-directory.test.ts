import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDirectory, removeDrafts, removeLeftovers } from '../src/node.ts'
import { descriptorsIn, replacingFs, systemError, temporaryFolders } from './temporary-folder.ts'

const folder = temporaryFolders()
const replace = replacingFs()
const coded = (code: string): unknown => expect.objectContaining({ code })
type Done = (error: Error | null) => void

describe('openDirectory', () => {
  it('makes nothing before the first write', async () => {
    const path = join(folder(), 'not', 'yet')
    const directory = openDirectory(path)
    await directory.list('')
    await directory.stat('a')
    await directory.remove('a')
    await directory.remove('a/b')
    await directory.rename('a', 'b/c').catch(() => {})
    await directory.openWritable('a/b', 'open').catch(() => {})
    expect(await directory.freeBytes()).toBeGreaterThan(0)
    expect(existsSync(path)).toBe(false)
    await directory.child('x').writeAtomic('y/z', ['hello'].map((text) => Buffer.from(text)))
    expect(readFileSync(join(path, 'x', 'y', 'z'), 'utf8')).toBe('hello')
  })

  it('leaves no temporary file and no descriptor, whatever fails', async () => {
    const path = folder()
    const directory = openDirectory(path)
    await directory.writeAtomic('a', [Buffer.from('old')])
    const full = systemError('ENOSPC')
    replace('write', () => (...args: unknown[]) => (args.at(-1) as Done)(full))
    await expect(directory.writeAtomic('a', [Buffer.from('new')])).rejects.toEqual(expect.objectContaining({ code: 'IO_FULL', cause: full }))
    await expect(directory.writeAtomic('b', [new Uint8Array(1 << 20)])).rejects.toEqual(coded('IO_FULL'))
    mkdirSync(join(path, 'folder'))
    await expect(directory.writeAtomic('folder', [])).rejects.toEqual(coded('IO_FAILED'))
    expect(readdirSync(path).sort()).toEqual(['a', 'folder'])
    expect(readFileSync(join(path, 'a'), 'utf8')).toBe('old')
    expect(descriptorsIn(path) ?? 0).toBe(0)
  })

  it('makes its folders again when somebody removes them', async () => {
    const path = join(folder(), 'home')
    const directory = openDirectory(path)
    await directory.writeAtomic('x/y/a', [Buffer.from('one')])
    rmSync(path, { recursive: true })
    await directory.writeAtomic('x/y/a', [Buffer.from('two')])
    expect(readFileSync(join(path, 'x', 'y', 'a'), 'utf8')).toBe('two')
    rmSync(join(path, 'x'), { recursive: true })
    await (await directory.openWritable('x/y/b', 'new')).close()
    rmSync(join(path, 'x'), { recursive: true })
    await directory.writeAtomic('c', [])
    await directory.rename('c', 'x/y/c')
    expect((await directory.list('x/y')).map(({ name }) => name)).toEqual(['c'])
  })

  it('lists and states through links, and leaves out what is neither file nor folder', async () => {
    const path = folder()
    const directory = openDirectory(path)
    await directory.writeAtomic('folder/file', [Buffer.from('text')])
    symlinkSync('folder', join(path, 'to-folder'))
    symlinkSync('folder/file', join(path, 'to-file'))
    symlinkSync('nowhere', join(path, 'to-nothing'))
    if (process.platform !== 'win32') {
      execFileSync('mkfifo', [join(path, 'fifo')])
      await expect(directory.stat('fifo')).rejects.toEqual(coded('IO_FAILED'))
    }
    expect(await directory.list('')).toEqual([
      { name: 'folder', kind: 'directory' }, { name: 'to-file', kind: 'file' }, { name: 'to-folder', kind: 'directory' },
    ])
    expect(await directory.stat('to-file')).toMatchObject({ kind: 'file', sizeBytes: 4 })
    expect(await directory.stat('to-nothing')).toBeUndefined()
  })

  it('states how much storage a file takes', async () => {
    const path = folder()
    const directory = openDirectory(path)
    await directory.writeAtomic('file', [new Uint8Array(1 << 20).fill(1)])
    expect((await directory.stat('file'))?.allocatedBytes).toBe(statSync(join(path, 'file')).blocks * 512)
    expect((await directory.stat('file'))?.allocatedBytes).toBeGreaterThanOrEqual(1 << 20)
  })

  it('names its files in messages below its own label', async () => {
    const path = folder()
    const directory = openDirectory(path)
    expect(directory.label).toBe(path)
    await expect(directory.child('x').openSource('y')).rejects.toThrow(`path=${path}/x/y`)
  })
})

describe('removeLeftovers', () => {
  it('removes what interrupted writes left, and nothing else', async () => {
    const path = folder()
    const temporary = '.name.0123456789abcdef.tmp'
    const kept = ['.name.0123456789abcde.tmp', 'name.0123456789abcdef.tmp', '.name.0123456789abcdef.tmp.car', '.name.tmp']
    mkdirSync(join(path, 'a', 'b'), { recursive: true })
    for (const at of ['', 'a', 'a/b']) for (const name of [temporary, ...kept]) writeFileSync(join(path, at, name), '')
    mkdirSync(join(path, 'a', '.folder.0123456789abcdef.tmp'))
    expect(await openDirectory(path).list('a')).not.toContainEqual({ name: temporary, kind: 'file' })
    expect(await removeLeftovers(path)).toBe(3)
    expect(await removeLeftovers(path)).toBe(0)
    expect(readdirSync(join(path, 'a')).sort()).toEqual([...kept, '.folder.0123456789abcdef.tmp', 'b'].sort())
    expect(await removeLeftovers(join(path, 'missing'))).toBe(0)
    const reason = new Error('enough')
    await expect(removeLeftovers(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('removeDrafts', () => {
  const temporary = '.name.0123456789abcdef.tmp'

  it('looks at nothing but the drafts of a folder that has them', async () => {
    const path = folder()
    mkdirSync(join(path, 'part', '.drafts', 'a'), { recursive: true })
    for (const at of ['part', 'part/.drafts', 'part/.drafts/a']) for (const name of [temporary, 'kept']) writeFileSync(join(path, at, name), '')
    expect(await removeDrafts(join(path, 'part'))).toBe(2)
    expect(readdirSync(join(path, 'part')).sort()).toEqual(['.drafts', temporary, 'kept'].sort())
    expect(readdirSync(join(path, 'part', '.drafts')).sort()).toEqual(['a', 'kept'])
    expect(await openDirectory(path).list('part')).toEqual([{ name: 'kept', kind: 'file' }])
  })

  it('walks a folder without drafts once, and makes one that is missing', async () => {
    const path = folder()
    mkdirSync(join(path, 'part', 'a'), { recursive: true })
    for (const at of ['part', 'part/a']) for (const name of [temporary, 'kept']) writeFileSync(join(path, at, name), '')
    expect(await removeDrafts(join(path, 'part'))).toBe(2)
    writeFileSync(join(path, 'part', 'a', temporary), '')
    expect(await removeDrafts(join(path, 'part'))).toBe(0)
    expect(await removeDrafts(join(path, 'missing'))).toBe(0)
    expect(readdirSync(join(path, 'missing'))).toEqual(['.drafts'])
  })

  it('finds what an atomic write of a directory with drafts left, and such a write leaves nothing', async () => {
    const path = folder()
    const child = openDirectory(path, { draftsIn: ['part'] }).child('part')
    const seen: string[][] = []
    await child.writeAtomic('a/b/name', (function * () {
      yield Uint8Array.of(1)
      seen.push(readdirSync(join(path, 'part', '.drafts')), readdirSync(join(path, 'part', 'a', 'b')))
    })())
    expect(seen).toEqual([[expect.stringMatching(/^\.name\.[0-9a-f]{16}\.tmp$/u)], []])
    expect(readdirSync(join(path, 'part', '.drafts'))).toEqual([])
    expect(readdirSync(join(path, 'part', 'a', 'b'))).toEqual(['name'])
    // the folder of drafts may go while the directory is open
    rmSync(join(path, 'part', '.drafts'), { recursive: true })
    await child.writeAtomic('a/c', [])
    expect(await child.list('a')).toEqual([{ name: 'b', kind: 'directory' }, { name: 'c', kind: 'file' }])
    // elsewhere drafts are beside their targets
    await openDirectory(path, { draftsIn: ['part'] }).writeAtomic('partly/x', (function * () {
      seen.push(readdirSync(join(path, 'partly')))
      yield Uint8Array.of(1)
    })())
    expect(seen.at(-1)).toHaveLength(1)
  })
})
