import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { bytesMount, bytesUrl, fileUrl } from '@dagstore/mounts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDagstore } from '../src/index.ts'

const blocks = makeBlocks(1, 40, { min: 10, max: 3000 })
const car = carV1([blocks[0]!.cid], blocks)

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'dagstore-node-')) })
afterEach(async () => { await rm(folder, { recursive: true, force: true }) })

describe('openDagstore on a folder', () => {
  it('serves a CAR file by its path, and goes on after a restart', async () => {
    await writeFile(join(folder, 'a.car'), car)
    const root = join(folder, 'store')
    const first = await openDagstore(root)
    await first.register('a', fileUrl(join(folder, 'a.car')), { indexing: 'eager' })
    await first.close()
    const second = await openDagstore(root)
    try {
      expect(await second.shard('a')).toMatchObject({ health: 'available', mountUrl: fileUrl(join(folder, 'a.car')) })
      for (const { cid, data } of blocks) expect(Buffer.compare(await second.blockstore.bytes(cid), data)).toBe(0)
    } finally {
      await second.close()
    }
  })

  it('records what lies below the root relative to it, so that a moved store works', async () => {
    const root = join(folder, 'store')
    await mkdir(join(root, 'cars'), { recursive: true })
    await writeFile(join(root, 'cars', 'a.car'), car)
    const first = await openDagstore(root)
    const info = await first.register('a', fileUrl(join(root, 'cars', 'a.car')), { indexing: 'eager' })
    expect(info.mountUrl).toBe('file:cars/a.car')
    expect(await first.register('a', 'file:cars/a.car')).toMatchObject({ mountUrl: 'file:cars/a.car' })
    await first.close()
    await rename(root, join(folder, 'moved'))
    const second = await openDagstore(join(folder, 'moved'))
    try {
      expect(Buffer.compare(await second.blockstore.bytes(blocks[7]!.cid), blocks[7]!.data)).toBe(0)
      expect(await second.shard('a')).toMatchObject({ indexGeneration: 1 })
    } finally {
      await second.close()
    }
  })

  it('goes on with the next of several mounts, and a moved store with what lies below it', async () => {
    const root = join(folder, 'store')
    await mkdir(join(root, 'cars'), { recursive: true })
    await writeFile(join(root, 'cars', 'a.car'), car)
    const first = await openDagstore(root)
    const { mountUrl } = await first.register('a', `first-of:${['http://127.0.0.1:9/a.car', fileUrl(join(root, 'cars', 'a.car'))].map(encodeURIComponent).join(',')}`, { indexing: 'eager' })
    expect(mountUrl).toBe('first-of:http%3A%2F%2F127.0.0.1%3A9%2Fa.car,file%3Acars%2Fa.car')
    await first.close()
    await rename(root, join(folder, 'moved'))
    const second = await openDagstore(join(folder, 'moved'))
    try {
      expect(Buffer.compare(await second.blockstore.bytes(blocks[7]!.cid), blocks[7]!.data)).toBe(0)
    } finally {
      await second.close()
    }
  })

  it('tells who else opens it where to ask from the moment that this is announced', async () => {
    const store = await openDagstore(folder)
    try {
      const said = async (): Promise<string> => openDagstore(folder).then(() => '', (error: Error) => error.message)
      expect(await said()).not.toContain('answers')
      await store.announce('http://127.0.0.1:2351')
      expect(await said()).toContain('answers at http://127.0.0.1:2351; store=')
      await store.announce(undefined)
      expect(await said()).not.toContain('answers')
    } finally {
      await store.close()
    }
  })

  it('is refused while it is open elsewhere in this process, naming the process and where it answers', async () => {
    const store = await openDagstore(folder, { api: 'http://127.0.0.1:2350/rpc/v0' })
    try {
      await expect(openDagstore(folder)).rejects.toMatchObject({ code: 'DAGSTORE_LOCKED', message: expect.stringMatching(new RegExp(`process ${process.pid} .* answers at http://127\\.0\\.0\\.1:2350/rpc/v0; store=`)) })
      // the one that has it is unharmed
      await store.register('a', bytesUrl(car.subarray(0, 20_000)))
    } finally {
      await store.close()
    }
    const again = await openDagstore(folder)
    await again.close()
  })

  it('is refused while another process has it, and opens when that is gone', async () => {
    const script = join(folder, 'hold.mjs')
    await mkdir(join(folder, 'store', 'db'), { recursive: true })
    const level = pathToFileURL(fileURLToPath(import.meta.resolve('classic-level'))).href
    await writeFile(script, `
      import { ClassicLevel } from ${JSON.stringify(level)}
      import { writeFileSync } from 'node:fs'
      import { hostname } from 'node:os'
      const db = new ClassicLevel(process.argv[2] + '/db')
      await db.open()
      writeFileSync(process.argv[2] + '/owner.json', JSON.stringify({ pid: process.pid, host: hostname(), startedAt: '2021-08-17T00:00:00.000Z' }))
      process.stdout.write('held')
      process.stdin.on('data', () => process.exit(0))
    `)
    const root = join(folder, 'store')
    const running = promisify(execFile)(process.execPath, [script, root])
    await new Promise((resolve) => { running.child.stdout?.once('data', resolve) })
    await expect(openDagstore(root)).rejects.toMatchObject({ code: 'DAGSTORE_LOCKED', message: expect.stringContaining(`process ${running.child.pid}`) })
    running.child.stdin?.write('go')
    await running
    const store = await openDagstore(root)
    expect(JSON.parse(await readFile(join(root, 'owner.json'), 'utf8'))).toMatchObject({ pid: process.pid })
    await store.close()
  })

  it('names no process that is gone', async () => {
    const store = await openDagstore(folder)
    await writeFile(join(folder, 'owner.json'), JSON.stringify({ pid: 2 ** 22 + 1, host: (await import('node:os')).hostname(), startedAt: 'x' }))
    try {
      await expect(openDagstore(folder)).rejects.toMatchObject({ code: 'DAGSTORE_LOCKED', message: expect.stringContaining('another process') })
    } finally {
      await store.close()
    }
  })

  it('takes a copy of a closed store for what it is', async () => {
    const first = await openDagstore(join(folder, 'one'))
    await first.register('a', bytesUrl(car.subarray(0, 30_000)))
    await first.close()
    await cp(join(folder, 'one'), join(folder, 'two'), { recursive: true })
    const [one, two] = [await openDagstore(join(folder, 'one')), await openDagstore(join(folder, 'two'))]
    expect(await two.shard('a')).toEqual(await one.shard('a'))
    await one.close()
    await two.close()
  })

  it('lets given mounts take the place of the default ones, and refuses two of one scheme', async () => {
    const urls: string[] = []
    const own = bytesMount()
    const store = await openDagstore(folder, { mounts: [{ scheme: 'bytes', mount: (url) => { urls.push(url); return own.mount(url) } }] })
    await store.register('a', bytesUrl(Uint8Array.of(1)))
    expect(urls).toHaveLength(1)
    await store.close()
    await expect(openDagstore(folder, { mounts: [own, bytesMount()] })).rejects.toThrow(TypeError)
    await (await openDagstore(folder)).close()
  })

  it('refuses a store of a later format, with both numbers', async () => {
    const store = await openDagstore(folder)
    const rows = store.db.sublevel<Uint8Array, Uint8Array>('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
    await rows.put(new TextEncoder().encode('mformat'), Uint8Array.of(0, 0, 0, 9))
    await store.close()
    await expect(openDagstore(folder)).rejects.toMatchObject({ code: 'DAGSTORE_BAD_FORMAT', message: expect.stringMatching(/supported=\d+ .*found=9/) })
  })

  it('removes what an interrupted write left, and nothing else, without a look at the indices', async () => {
    const first = await openDagstore(folder)
    await first.close()
    await mkdir(join(folder, 'index', '00'), { recursive: true })
    await writeFile(join(folder, 'index', '00', '.not-looked-at.0123456789abcdef.tmp'), 'of nobody')
    for (const part of ['index', 'transients']) {
      await writeFile(join(folder, part, '.drafts', 'notes.txt'), 'mine')
      await writeFile(join(folder, part, '.drafts', '.a.1.full.idx.0123456789abcdef.tmp'), 'half')
    }
    await writeFile(join(folder, '.owner.json.0123456789abcdef.tmp'), 'half')
    await writeFile(join(folder, '.mine.0123456789abcdef.tmp'), 'of another part of the application')
    const second = await openDagstore(folder)
    for (const part of ['index', 'transients']) expect(await readdir(join(folder, part, '.drafts'))).toEqual(['notes.txt'])
    expect(await readdir(join(folder, 'index', '00'))).toEqual(['.not-looked-at.0123456789abcdef.tmp'])
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual(['.mine.0123456789abcdef.tmp'])
    await second.close()
  })

  it('walks a store of an earlier version once, for what interrupted writes left beside their targets', async () => {
    await mkdir(join(folder, 'index', '00'), { recursive: true })
    await writeFile(join(folder, 'index', '00', 'notes.txt'), 'mine')
    await writeFile(join(folder, 'index', '00', '.a.1.full.idx.0123456789abcdef.tmp'), 'half')
    const store = await openDagstore(folder)
    expect(await readdir(join(folder, 'index', '00'))).toEqual(['notes.txt'])
    await store.close()
  })

  it('writes indices by way of one folder of drafts, also where index/ is a link to elsewhere', async () => {
    await mkdir(join(folder, 'disk'))
    await mkdir(join(folder, 'store'))
    await symlink(join(folder, 'disk'), join(folder, 'store', 'index'))
    const store = await openDagstore(join(folder, 'store'))
    try {
      expect(await store.register('a', bytesUrl(car), { indexing: 'eager' })).toMatchObject({ health: 'available' })
      expect(await readdir(join(folder, 'disk', '.drafts'))).toEqual([])
      expect(await readdir(join(folder, 'disk'), { recursive: true })).toContain(join('2c', 'a.1.full.idx'))
    } finally {
      await store.close()
    }
  })
})

describe('file URLs of a store', () => {
  it('are canonical, relative below the root, whatever way they are written', async () => {
    const root = join(folder, 'store')
    const store = await openDagstore(root)
    const urls: readonly (readonly [string, string])[] = [
      ['file:///data/a.car', 'file:///data/a.car'],
      ['file:///data/../data/./a.car', 'file:///data/a.car'],
      ['file:///data//a.car', 'file:///data/a.car'],
      ['file:///data/%61.car', 'file:///data/a.car'],
      ['file:///data/..a.car', 'file:///data/..a.car'],
      ['FILE:///data/a.car', 'file:///data/a.car'],
      ['file://localhost/data/a.car', 'file:///data/a.car'],
      ['file:///data/ä b.car', 'file:///data/%C3%A4%20b.car'],
      [`file://${root}/a.car`, 'file:a.car'],
      [`file://${folder}/other/../store/cars/a.car`, 'file:cars/a.car'],
      [`file://${root}s/a.car`, `file://${root}s/a.car`],
      [`file://${root}`, `file://${root}`],
      ['file:cars/../a.car', 'file:a.car'],
      ['file:../a.car', `file://${folder}/a.car`],
    ]
    try {
      for (const [at, [given, recorded]] of urls.entries()) expect((await store.register(`${at}`, given)).mountUrl, given).toBe(recorded)
    } finally {
      await store.close()
    }
  })
})
