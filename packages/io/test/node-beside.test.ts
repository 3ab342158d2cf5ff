/** What is made beside its name, and what was left there by those who were killed. */
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeBeside } from '../src/node.ts'

const folder = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'beside-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** The name under which this process makes `name`, with another process in it. */
const draftOf = async (home: string, name: string, pid?: number): Promise<string> => {
  let draft = ''
  await makeBeside(join(home, `${name}.other`), {}, async (path) => {
    draft = basename(path)
    throw new Error('never')
  }).catch(() => {})
  return pid === undefined ? draft : draft.replace(/[0-9a-f]{8}\.tmp$/, `${pid.toString(16).padStart(8, '0')}.tmp`)
}

/** Nobody has that number any more. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid

const make = (text: string) => (path: string): Promise<void> => writeFile(path, text)

describe('what is made beside its name', () => {
  it('is there when it is whole; a file that was there is replaced where that is said, and nothing else ever', async () => {
    const home = await folder()
    const path = join(home, 'a')
    await makeBeside(path, {}, make('one'))
    await expect(makeBeside(path, {}, make('two'))).rejects.toMatchObject({ code: 'IO_EXISTS' })
    await expect(makeBeside(path, { taken: (isFile) => new Error(`taken ${isFile}`) }, make('two'))).rejects.toThrow('taken true')
    await makeBeside(path, { replaceFile: true }, make('three'))
    expect(await readFile(path, 'utf8')).toBe('three')
    await mkdir(join(home, 'b'))
    await symlink(path, join(home, 'c'))
    for (const there of ['b', 'c']) await expect(makeBeside(join(home, there), { replaceFile: true }, make('four'))).rejects.toMatchObject({ code: 'IO_EXISTS' })
    await expect(makeBeside(join(home, 'none', 'a'), {}, make('five'))).rejects.toMatchObject({ code: 'ENOENT' })
    expect([(await readdir(home)).sort(), await readFile(path, 'utf8')]).toEqual([['a', 'b', 'c'], 'three'])
  })

  it('leaves nothing on a failure, on an abort, and where its name is taken meanwhile', async () => {
    const home = await folder()
    const path = join(home, 'a')
    await expect(makeBeside(path, {}, async (draft) => { await mkdir(draft); await writeFile(join(draft, 'x'), ''); throw new Error('no more') })).rejects.toThrow('no more')
    const stop = new AbortController()
    await expect(makeBeside(path, { signal: stop.signal }, async (draft) => { await writeFile(draft, ''); stop.abort(new Error('left')) })).rejects.toThrow('left')
    await expect(makeBeside(path, { signal: stop.signal }, async () => { throw new Error('asked') })).rejects.toThrow('left')
    await expect(makeBeside(path, {}, async (draft) => { await writeFile(draft, 'mine'); await writeFile(path, 'theirs') })).rejects.toMatchObject({ code: 'IO_EXISTS' })
    expect([await readdir(home), await readFile(path, 'utf8')]).toEqual([['a'], 'theirs'])
  })

  it('has a name that fits, however long its own is', async () => {
    const home = await folder()
    const name = '\u{1F4E6}'.repeat(60)
    await makeBeside(join(home, name), {}, make('whole'))
    expect(await readdir(home)).toEqual([name])
  })
})

describe('what was left by one who was killed', () => {
  it('goes with whatever is made next in the folder: files, folders, and links themselves', async () => {
    const home = await folder()
    const [file, made, link] = await Promise.all(['a', 'b', 'c'].map((name) => draftOf(home, name, deadPid()))) as [string, string, string]
    await writeFile(join(home, file), 'part')
    await mkdir(join(home, made, 'deep'), { recursive: true })
    await writeFile(join(home, made, 'deep', 'x'), 'part')
    await writeFile(join(home, 'kept'), 'mine')
    await symlink(join(home, 'kept'), join(home, link))
    await makeBeside(join(home, 'd'), {}, make('whole'))
    expect((await readdir(home)).sort()).toEqual(['d', 'kept'])
    expect(await readFile(join(home, 'kept'), 'utf8')).toBe('mine')
  })

  it('is told from what another process makes at this moment, here or on another machine', async () => {
    const home = await folder()
    const running = await draftOf(home, 'a', process.ppid)
    const elsewhere = (await draftOf(home, 'a', deadPid())).replace(/\.[0-9a-f]{16}\.tmp$/, (end) => `.${end.startsWith('.0') ? '1' : '0'}${end.slice(2)}`)
    const others = ['.a.0123456789abcdef.tmp', 'a.tmp', `x${running.slice(1)}`]
    for (const name of [running, elsewhere, ...others]) await writeFile(join(home, name), 'part')
    await makeBeside(join(home, 'd'), {}, make('whole'))
    expect((await readdir(home)).sort()).toEqual([running, elsewhere, ...others, 'd'].sort())
  })

  it('is told from what this process makes at this moment, and is what another one of its number has left', async () => {
    const home = await folder()
    const own = await draftOf(home, 'a')
    for (const name of [own, await draftOf(home, 'b')]) await writeFile(join(home, name), 'part')
    await utimes(join(home, own), 1, 1)
    await makeBeside(join(home, 'c'), {}, async (draft) => {
      await writeFile(draft, 'whole')
      await utimes(draft, 1, 1)
      await makeBeside(join(home, 'd'), {}, make('whole'))
    })
    // one of a minute ago may be of another copy of this module
    expect((await readdir(home)).filter((name) => name.startsWith('.'))).toEqual([expect.stringMatching(/^\.b\.other\./)])
    expect(await readdir(home)).toEqual(expect.arrayContaining(['c', 'd']))
  })
})
