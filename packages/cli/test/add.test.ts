import { createHash } from 'node:crypto'
import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished } from 'vitest'
import { commandFile, startCommand, startDaemon } from './daemon-process.ts'
import { InterruptedError, StdoutError } from '../src/terminal.ts'
import { type BulkDocument, dagstore, documentOf, temporaryFolder } from './terminal.ts'

const bin = await commandFile()

const blocks = makeBlocks(61, 30, { min: 20, max: 300 })
const carOf = (n: number): Uint8Array => carV1([blocks[3 * n]!.cid], blocks.slice(3 * n, 3 * n + 3))
const rootOf = (n: number): string => CID.decode(blocks[3 * n]!.cid).toString()

const withCars = async (...names: string[]): Promise<string> => {
  const cwd = await temporaryFolder()
  for (const [n, name] of names.entries()) {
    await mkdir(join(cwd, name, '..'), { recursive: true })
    await writeFile(join(cwd, name), carOf(n))
  }
  return cwd
}

const add = async (cwd: string, ...args: string[]): Promise<BulkDocument & { readonly code: number, readonly stderr: string }> => {
  const run = await dagstore(cwd, ['add', '--json', ...args])
  return { ...documentOf(run), code: run.code, stderr: run.stderr }
}

const keysOf = ({ items }: BulkDocument): (string | undefined)[] => items.map(({ key }) => key).sort()
const errorsOf = ({ items }: BulkDocument): (string | null | undefined)[] => items.map(({ error }) => error?.code)

describe('dagstore add', () => {
  it('makes a store of a folder, and says on the second run that all is there', async () => {
    const cwd = await withCars('cars/a.car', 'cars/deep/b.car', 'cars/deep/er/c.car', 'cars/not.txt', 'cars/.hidden/d.car')
    const run = await dagstore(cwd, ['add', 'cars/'])
    expect(run).toMatchObject({ code: 0, stdout: 'cars/: 3 added\n', stderr: 'made a DAG store at .dagstore\n3 ok, 0 failed\n' })
    expect(await dagstore(cwd, ['add', 'cars'])).toMatchObject({ code: 0, stdout: 'cars: 3 there already\n', stderr: '3 ok, 0 failed\n' })
    const again = await add(cwd, 'cars')
    expect(keysOf(again)).toEqual(['a.car', 'deep/b.car', 'deep/er/c.car'])
    expect(new Set(again.items.map(({ status }) => status))).toEqual(new Set(['present']))
  })

  it('adds files by name, a line for each', async () => {
    const cwd = await withCars('a.car', 'x/b.car')
    expect((await dagstore(cwd, ['add', 'a.car', 'x/b.car'])).stdout).toBe('added a.car\nadded b.car\n')
    expect((await dagstore(cwd, ['add', '-v', 'x'])).stdout).toBe('there already: b.car\nx: 1 there already\n')
    expect((await dagstore(cwd, ['add', '--eager', 'a.car'])).stdout).toBe('added and indexed a.car\n')
    expect((await dagstore(cwd, ['add', '--eager', 'a.car'])).stdout).toBe('there already: a.car\n')
    const listed = JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout) as { readonly State: string }[]
    expect(listed.map(({ State }) => State)).toEqual(['ShardStateAvailable', 'ShardStateNew'])
  })

  it('takes a pattern for the files of folders', async () => {
    const cwd = await withCars('cars/a.car', 'cars/b.CAR', 'cars/deep/c.bin', 'cars/.d.car')
    expect(keysOf(await add(cwd, 'cars', '--glob', '**/*.{CAR,bin}'))).toEqual(['b.CAR', 'deep/c.bin'])
    expect(keysOf(await add(cwd, 'cars', '--glob', '*'))).toEqual(['a.car', 'b.CAR'])
    expect(keysOf(await add(cwd, 'cars', '--glob', '**/.*.car'))).toEqual(['.d.car'])
    expect(await dagstore(cwd, ['add', 'cars', '--glob', 'zz'])).toMatchObject({ code: 0, stdout: 'cars: no file matches zz\n' })
    expect(await dagstore(cwd, ['add', 'cars', '--glob', ''])).toMatchObject({ code: 2, stdout: '' })
  })

  it('calls shards by their root, piece or digest', async () => {
    const cwd = await withCars('a.car')
    await writeFile(join(cwd, 'a2.car'), carV2({ roots: [blocks[0]!.cid], blocks: blocks.slice(0, 3) }))
    const sha256 = createHash('sha256').update(carOf(0)).digest('hex')
    expect(keysOf(await add(cwd, 'a.car', '--key', 'root'))).toEqual([rootOf(0)])
    expect(keysOf(await add(cwd, 'a.car', '--key', 'sha256'))).toEqual([sha256])
    const piece = (JSON.parse((await dagstore(cwd, ['pieces', 'commp', '--json', 'a.car'])).stdout) as { pieceCid: string }).pieceCid
    expect(keysOf(await add(cwd, 'a.car', '--key', 'piece'))).toEqual([piece])
    // a CARv2 has the piece of its payload
    expect(await add(cwd, 'a2.car', '--key', 'piece')).toMatchObject({ code: 0, items: [{ key: piece, status: 'present' }] })
  })

  it('knows equal content under two names for one shard when it is called by it', async () => {
    const cwd = await withCars('a.car')
    await writeFile(join(cwd, 'b.car'), carOf(0))
    const { items, code } = await add(cwd, '.', '--key', 'sha256')
    expect(code).toBe(0)
    expect(items.map(({ status }) => status).sort()).toEqual(['added', 'present'])
    const named = await add(cwd, '.', '--key', 'root')
    expect(named).toMatchObject({ code: 1, succeeded: 1, failed: 1 })
    expect(named.stderr).toContain('dagstore refresh')
  })

  it('takes equal content that was written at another time for no change', async () => {
    const cwd = await withCars('a.car')
    await writeFile(join(cwd, 'b.car'), carOf(0))
    await utimes(join(cwd, 'b.car'), 1, 1)
    expect((await add(cwd, '.', '--key', 'sha256', '--eager')).failed).toBe(0)
    expect((await add(cwd, '.', '--key', 'sha256')).items.map(({ status }) => status)).toEqual(['present', 'present'])
  })

  it('says how a key that begins like an option is named', async () => {
    const cwd = await withCars('cars/-x.car', 'more/-x.car')
    await add(cwd, 'cars')
    expect((await add(cwd, 'more')).stderr).toContain(`-x.car is file://${cwd}/cars/-x.car; to read it from here: dagstore refresh --mount file://${cwd}/more/-x.car -- -x.car; or`)
    expect((await dagstore(cwd, ['refresh', '--mount', `file://${cwd}/more/-x.car`, '--', '-x.car'])).code).toBe(0)
  })

  it('refuses what is no CAR, has no single root, is not there, or has another shard\'s name, and goes on', async () => {
    const cwd = await withCars('a.car', 'x/a.car', 'ok.car')
    await writeFile(join(cwd, 'photo.jpg'), 'no car')
    await writeFile(join(cwd, 'two.car'), carV1([blocks[0]!.cid, blocks[1]!.cid], blocks.slice(0, 2)))
    const named = await add(cwd, 'a.car', 'x/a.car', 'nope.car', '', 'photo.jpg', 'ok.car')
    expect(named).toMatchObject({ code: 1, succeeded: 2, failed: 4 })
    expect(errorsOf(named).filter((code) => code !== undefined).sort()).toEqual(['CARV2_TRUNCATED', 'COMMAND_REFUSED', 'DAGSTORE_SHARD_EXISTS', 'IO_NOT_FOUND'])
    expect(named.stderr).toContain(`dagstore refresh --mount file://${cwd}/x/a.car a.car`)
    expect(named.stderr).toMatch(/\n2 ok, 4 failed\n$/)
    expect(errorsOf(await add(cwd, 'two.car', '--key', 'root'))).toEqual(['COMMAND_REFUSED'])
    const eager = await add(cwd, '--eager', '.', '--glob', '*.jpg')
    expect(eager).toMatchObject({ code: 1, items: [{ key: 'photo.jpg', error: { code: 'DAGSTORE_SHARD_ERRORED' } }] })
    expect(eager.stderr).toContain('dagstore recover-shard photo.jpg')
  })

  it.skipIf(process.platform !== 'linux')('says that no store can be made where no folder can', async () => {
    const cwd = await withCars('a.car')
    for (const root of ['/proc/no/store', 'a.car/store']) {
      const run = await dagstore(cwd, ['add', 'a.car', '--json', '--root', root])
      expect(run.code).toBe(1)
      expect(JSON.parse(run.stdout)).toMatchObject({ ok: false, error: { code: 'IO_NOT_FOUND', message: expect.stringMatching(`^${root}: the folder of the store could not be made: `) as string } })
    }
  })

  it('makes no store when nothing that was named is there', async () => {
    const cwd = await temporaryFolder()
    expect((await dagstore(cwd, ['add', 'nope.car'])).code).toBe(1)
    expect(await readdir(cwd)).toEqual([])
  })

  it('leaves the files of its own store alone, but takes its folder of CARs by name', async () => {
    const cwd = await withCars('a.car', '.dagstore/cars/own.car', 'store/cars/own.car')
    expect(keysOf(await add(cwd, '.', '--root', 'store'))).toEqual(['a.car'])
    expect(keysOf(await add(cwd, '.', '--root', 'store', '--glob', '**/.*/**/*.car'))).toEqual(['.dagstore/cars/own.car'])
    expect(await add(cwd, 'store', '--root', 'store')).toMatchObject({ code: 1, items: [{ error: { code: 'COMMAND_REFUSED' } }] })
    expect(await add(cwd, 'store/cars', '--root', 'store')).toMatchObject({ code: 0, items: [{ key: 'own.car', mountUrl: 'file:cars/own.car' }] })
  })

  it('follows links to files and none to folders', async () => {
    const cwd = await withCars('elsewhere/a.car', 'cars/b.car')
    await symlink('../elsewhere/a.car', join(cwd, 'cars', 'l.car'))
    await symlink('../elsewhere', join(cwd, 'cars', 'folder'))
    await symlink('nowhere', join(cwd, 'cars', 'dangling.car'))
    const run = await add(cwd, 'cars')
    expect(run).toMatchObject({ code: 1, succeeded: 2, failed: 1 })
    expect(keysOf(run)).toEqual(['b.car', 'dangling.car', 'l.car'])
    expect(errorsOf(run)).toContain('IO_NOT_FOUND')
    expect(JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout)).toHaveLength(2)
  })

  it('says of a file that has changed how to refresh it', async () => {
    const cwd = await withCars('a.car')
    await dagstore(cwd, ['add', '--eager', 'a.car'])
    await writeFile(join(cwd, 'a.car'), carOf(5))
    const run = await dagstore(cwd, ['add', 'a.car'])
    expect(run).toMatchObject({ code: 0, stdout: 'there already, changed: a.car\n' })
    expect(run.stderr).toContain('a.car has changed since it was indexed: dagstore refresh a.car\n')
    expect(await add(cwd, 'a.car')).toMatchObject({ items: [{ status: 'changed' }] })
  })

  it.each([['--eager', '--lazy', 'a.car'], ['--key', 'colour', 'a.car'], ['--keep', 'forever', 'a.car'], []])('takes %s %s for wrong usage', async (...args) => {
    expect((await dagstore(await withCars('a.car'), ['add', ...args.filter((arg) => arg !== undefined)])).code).toBe(2)
  })
})

describe('dagstore add --keep', () => {
  it('borrow records files outside the root as they are, those below relative to it', async () => {
    const cwd = await withCars('a.car', '.dagstore/mine/b.car')
    const { items } = await add(cwd, 'a.car', '.dagstore/mine/b.car')
    expect(items.map(({ mountUrl }) => mountUrl)).toEqual([`file://${cwd}/a.car`, 'file:mine/b.car'])
  })

  it.each(['move', 'link'])('%s brings files under the root, so that a moved root goes on working', async (keep) => {
    const cwd = await withCars('cars/a.car', 'cars/deep/b.car')
    expect((await add(cwd, '--keep', keep, 'cars')).items.map(({ mountUrl }) => mountUrl).sort()).toEqual(['file:cars/a.car', 'file:cars/deep/b.car'])
    expect(new Uint8Array(await readFile(join(cwd, '.dagstore', 'cars', 'deep', 'b.car')))).toEqual(carOf(1))
    const left = (await readdir(join(cwd, 'cars'), { recursive: true })).filter((name) => name.endsWith('.car'))
    expect(left).toHaveLength(keep === 'move' ? 0 : 2)
    await rm(join(cwd, 'cars'), { recursive: true })
    await rename(join(cwd, '.dagstore'), join(cwd, 'moved'))
    expect(await dagstore(cwd, ['initialize-all', '--root', 'moved'])).toMatchObject({ code: 0 })
    expect((await readdir(join(cwd, 'moved', 'cars'))).sort()).toEqual(['.drafts', 'a.car', 'deep'])
  })

  it('names files by the key, when that is not their name', async () => {
    const cwd = await withCars('a.car')
    expect((await add(cwd, '--keep', 'link', '--key', 'root', 'a.car')).items).toMatchObject([{ mountUrl: `file:cars/${rootOf(0)}.car` }])
  })

  it('shares the bytes where it can', async () => {
    const cwd = await withCars('a.car')
    await add(cwd, '--keep', 'link', 'a.car')
    expect((await stat(join(cwd, 'a.car'))).ino).toBe((await stat(join(cwd, '.dagstore', 'cars', 'a.car'))).ino)
  })

  it('replaces no other file, and goes on with what an earlier run was cut off in', async () => {
    const cwd = await withCars('a.car', 'b.car', '.dagstore/cars/a.car')
    await writeFile(join(cwd, '.dagstore', 'cars', 'a.car'), 'something else')
    expect(errorsOf(await add(cwd, '--keep', 'move', 'a.car'))).toEqual(['IO_EXISTS'])
    expect(await readFile(join(cwd, '.dagstore', 'cars', 'a.car'), 'utf8')).toBe('something else')
    // the file is there already, before and after its shard was registered
    await link(join(cwd, 'b.car'), join(cwd, '.dagstore', 'cars', 'b.car'))
    await dagstore(cwd, ['register-shard', 'b.car', 'file:cars/b.car'])
    expect((await add(cwd, '--keep', 'move', 'b.car')).items).toMatchObject([{ key: 'b.car', status: 'present' }])
    expect((await readdir(cwd)).sort()).toEqual(['.dagstore', 'a.car'])
    expect(new Uint8Array(await readFile(join(cwd, '.dagstore', 'cars', 'b.car')))).toEqual(carOf(1))
  })

  it('moves none of two files that want one place over the other', async () => {
    const cwd = await withCars('x/a.car', 'y/a.car', 'z/a.car')
    const other = carV1([blocks[0]!.cid], blocks.slice(0, 5))
    await writeFile(join(cwd, 'x', 'b.car'), other) // the same root, other bytes
    const run = await add(cwd, '--keep', 'move', '--key', 'root', 'x', 'y', 'z')
    expect(run).toMatchObject({ code: 1, succeeded: 3, failed: 1 })
    expect(errorsOf(run)).toContain('IO_EXISTS')
    const kept = await readFile(join(cwd, '.dagstore', 'cars', `${rootOf(0)}.car`))
    const left = (await readdir(join(cwd, 'x'))).map((name) => name)
    expect(left).toHaveLength(1)
    expect(new Uint8Array(kept)).toEqual(left[0] === 'b.car' ? carOf(0) : other)
    const named = await withCars('x/a.car', 'y/a.car')
    const both = await add(named, '--keep', 'move', 'x', 'y')
    expect(both).toMatchObject({ code: 1, succeeded: 1, failed: 1 })
    expect((await readdir(named, { recursive: true })).filter((name) => name.endsWith('/a.car') && !name.startsWith('.dagstore'))).toHaveLength(1)
  })

  it.for(['move', 'link'])('%s copies between file systems, and takes away half copies of an earlier run', async (keep, { skip }) => {
    const elsewhere = await mkdtemp('/dev/shm/dagstore-cli-').catch(() => undefined)
    onTestFinished(async () => { if (elsewhere !== undefined) await rm(elsewhere, { recursive: true }) })
    const cwd = await withCars('.dagstore/cars/ok.car')
    if (elsewhere === undefined || (await stat(elsewhere)).dev === (await stat(cwd)).dev) {
      skip('there is no second file system')
      return
    }
    await writeFile(join(elsewhere, 'a.car'), carOf(3))
    // of a version that had them beside the file, and of this one
    await writeFile(join(cwd, '.dagstore', 'cars', '.a.car.0123456789abcdef.tmp'), 'half')
    expect((await add(cwd, '--eager', '--keep', keep, elsewhere)).items).toMatchObject([{ status: 'indexed', mountUrl: 'file:cars/a.car' }])
    const cars = join(cwd, '.dagstore', 'cars')
    expect((await readdir(cars, { recursive: true })).sort()).toEqual(['.drafts', 'a.car', 'ok.car'])
    expect(new Uint8Array(await readFile(join(cwd, '.dagstore', 'cars', 'a.car')))).toEqual(carOf(3))
    expect(await readdir(elsewhere)).toEqual(keep === 'move' ? [] : ['a.car'])
    await writeFile(join(cars, '.drafts', '.b.car.0123456789abcdef.tmp'), 'half')
    expect((await add(cwd, '--keep', keep, '.dagstore/cars')).code).toBe(0)
    expect(await readdir(join(cars, '.drafts'))).toEqual([])
  })

  it.each(['move', 'link'])('%s by two processes at once loses no file, and puts none in the place of another', async (keep) => {
    const numbers = [0, 1, 2, 3, 4]
    const cwd = await withCars(...numbers.map((n) => `x/${n}.car`), ...numbers.map((n) => `y/${n}.car`))
    await startDaemon(bin, [], { cwd }) // has the store, and each process brings its own files
    const ends = await Promise.all(['x', 'y'].map((name) => startCommand(bin, ['add', '--json', '--keep', keep, name], { cwd }).ended))
    const results = ends.map(({ code, stdout, stderr }) => documentOf({ code: code ?? -1, stdout, stderr, bytes: new Uint8Array() }))
    expect(results.map(({ succeeded }) => succeeded).reduce((sum, n) => sum + n), ends.map(({ stderr }) => stderr).join()).toBe(numbers.length)
    for (const n of numbers) {
      const key = `${n}.car`
      const [first] = results.map(({ items }) => items.some((item) => item.ok && item.key === key))
      const [winner, loser] = first === true ? [n, 5 + n] : [5 + n, n]
      expect(new Uint8Array(await readFile(join(cwd, '.dagstore', 'cars', key)))).toEqual(carOf(winner))
      expect(new Uint8Array(await readFile(join(cwd, loser === n ? 'x' : 'y', key))), 'whose place was taken stays').toEqual(carOf(loser))
    }
    const left = (await Promise.all(['x', 'y'].map((name) => readdir(join(cwd, name))))).flat()
    expect(left).toHaveLength(keep === 'move' ? numbers.length : 2 * numbers.length)
  })

  it('moves no symbolic link', async () => {
    const cwd = await withCars('a.car')
    await symlink('a.car', join(cwd, 'l.car'))
    expect(errorsOf(await add(cwd, '--keep', 'move', 'l.car'))).toEqual(['COMMAND_REFUSED'])
    expect((await add(cwd, '--keep', 'link', 'l.car')).code).toBe(0)
  })
})

describe('dagstore add, of odd names', () => {
  it('shows names that a terminal would act on harmless', async () => {
    const cwd = await withCars('a\u001b[31m/x\nb.car')
    const run = await dagstore(cwd, ['add', '-v', 'a\u001b[31m', 'a\u001b[31m/x\nb.car', 'no\u001b'])
    expect(run.code).toBe(1)
    expect(run.stdout).toContain('added x\\x0ab.car\n')
    expect(run.stdout + run.stderr).not.toContain('\u001b')
  })

  it('takes no name that is not UTF-8', async ({ skip }) => {
    const cwd = await withCars('cars/a.car')
    try {
      await writeFile(Buffer.concat([Buffer.from(join(cwd, 'cars', 'bad-')), Buffer.of(0xff), Buffer.from('.car')]), 'x')
    } catch {
      skip('the file system takes no names that are not UTF-8')
    }
    expect(await add(cwd, 'cars')).toMatchObject({ code: 1, succeeded: 1, failed: 1 })
  })
})

describe('a long dagstore add', () => {
  const COUNT = 1000

  const many = async (): Promise<string> => {
    const cwd = await temporaryFolder()
    const tiny = carV1([], blocks.slice(0, 1))
    for (let folder = 0; folder < 10; folder++) {
      await mkdir(join(cwd, 'cars', String(folder)), { recursive: true })
      await Promise.all(Array.from({ length: COUNT / 10 }, (_, i) => writeFile(join(cwd, 'cars', String(folder), `${i}.car`), tiny)))
    }
    return cwd
  }

  it('that is interrupted says how far it came, and goes on when it is run again', async () => {
    const cwd = await many()
    const controller = new AbortController()
    let lines = 0
    const cut = await dagstore(cwd, ['add', '-v', 'cars'], { signal: controller.signal, onResult: () => { if (++lines === 100) controller.abort(new InterruptedError('interrupted')) } })
    expect(cut.code).toBe(130)
    expect(cut.stderr).toMatch(/\n\d+ ok, 0 failed\ndagstore: interrupted; run the same command again to go on\n$/)
    const again = await add(cwd, 'cars')
    expect(again).toMatchObject({ code: 0, ok: true, succeeded: COUNT, failed: 0 })
    expect(again.items.filter(({ status }) => status === 'present').length).toBeGreaterThanOrEqual(100)
    expect(new Set(keysOf(again)).size).toBe(COUNT)
  })

  it('whose reader goes away is no failure, and not done', async () => {
    const cwd = await many()
    const controller = new AbortController()
    let lines = 0
    const gone = new StdoutError(Object.assign(new Error('EPIPE'), { code: 'EPIPE', syscall: 'write' }))
    const cut = await dagstore(cwd, ['add', '-v', 'cars'], { signal: controller.signal, onResult: () => { if (++lines === 100) controller.abort(gone) } })
    expect(cut.code).toBe(130)
    expect((await add(cwd, 'cars')).succeeded).toBe(COUNT)
  })

  it('that is interrupted ends its JSON document', async () => {
    const cwd = await many()
    const controller = new AbortController()
    let lines = 0
    const cut = await dagstore(cwd, ['add', '--json', 'cars'], { signal: controller.signal, onResult: () => { if (++lines === 100) controller.abort(new InterruptedError('interrupted')) } })
    expect(cut.code).toBe(130)
    const { items, ...rest } = documentOf(cut)
    expect(rest).toMatchObject({ ok: false, failed: 0, error: { code: 'COMMAND_INTERRUPTED' } })
    expect(items.length).toBeGreaterThanOrEqual(99)
  })
})
