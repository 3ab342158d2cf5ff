import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ByteSource, createBytesSource, IoError } from '@dagstore/io'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileMount, filePath, type FilePort, fileUrl } from '../src/index.ts'
import { fileMount as nodeFileMount } from '../src/node.ts'

/** Any path: slashes anywhere, and the characters that URLs care about. */
const paths = fc.oneof(
  fc.string({ unit: fc.constantFrom('/', ' ', '%', '#', '?', '.', ':', '\\', '2', 'F', 'ä', '大', '😀', '\n', '\u0001', 'a', '+', ';'), minLength: 1 }),
  fc.string({ unit: 'binary', minLength: 1 }).filter((path) => !path.includes('\0') && !/\p{Surrogate}/u.test(path)),
)

const failing = (error: unknown): FilePort => ({ open: async () => { throw error }, stat: async () => { throw error } })

describe('file URLs', () => {
  it('D20: keep any path: spaces, percent signs, #, ?, other scripts, slashes at the start', () => {
    fc.assert(fc.property(paths, (path) => {
      const url = fileUrl(path)
      expect(filePath(url)).toBe(path)
      expect(fileMount(failing(new Error())).mount(url).url).toBe(url)
      // plain ASCII without anything that a log, shell or list of URLs would cut
      expect(url).toMatch(/^file:[!-~]+$/u)
      expect(url).not.toMatch(/[?#]/u)
    }), { seed: 20, numRuns: 1000 })
  })

  it.each([
    ['/data/a b.car', 'file:///data/a%20b.car'],
    ['//server/x.car', 'file:////server/x.car'],
    ['shards/a#1.car', 'file:shards/a%231.car'],
    ['/', 'file:///'],
  ])('write %s as %s', (path, url) => {
    expect(fileUrl(path)).toBe(url)
    expect(filePath(url)).toBe(path)
  })

  it('are those of the URL class, for absolute paths without dots and doubled slashes', () => {
    for (const path of ['/data/a b.car', '/ü/x', '/a+b;c=d,e@f']) expect(new URL(fileUrl(path)).pathname).toBe(new URL(`file://${path}`).pathname.replaceAll(/[+;=,@]/gu, encodeURIComponent))
  })

  it.each(['', 'a\0b', '\ud800'])('refuse to be made of %j', (path) => {
    expect(() => fileUrl(path)).toThrow(TypeError)
  })
})

describe('file mount', () => {
  it.each([
    ['IO_FORBIDDEN', 'MOUNT_FORBIDDEN', 'never'],
    ['IO_FAILED', 'MOUNT_UNREACHABLE', 'later'],
    ['IO_SOURCE_LOST', 'MOUNT_UNREACHABLE', 'later'],
  ] as const)('D29: gives %s of the port as %s, as a rejection', async (io, code, retry) => {
    const cause = new IoError(io, 'test', { retry })
    const mount = fileMount(failing(cause)).mount('file:///x')
    await expect(mount.stat()).rejects.toMatchObject({ name: 'MountError', code, retry, cause })
    await expect(mount.open()).rejects.toMatchObject({ name: 'MountError', code, retry, cause })
  })

  it('gives absence that only shows up in the port as absence', async () => {
    const mount = fileMount(failing(new IoError('IO_NOT_FOUND', 'test'))).mount('file:///x')
    expect(await mount.stat()).toEqual({ exists: false, sizeBytes: undefined, ready: true, access: 'random' })
    await expect(mount.open()).rejects.toMatchObject({ code: 'MOUNT_MISSING' })
  })

  it('passes errors of other kinds on unchanged', async () => {
    const error = new TypeError('a bug')
    const mount = fileMount(failing(error)).mount('file:///x')
    await expect(mount.stat()).rejects.toBe(error)
    await expect(mount.open()).rejects.toBe(error)
  })

  it('closes the source that arrives after an abort', async () => {
    const aborting = new AbortController()
    let source: ByteSource | undefined
    const mount = fileMount({
      open: async () => {
        aborting.abort('stop')
        source = createBytesSource(Uint8Array.of(1))
        return source
      },
      stat: async () => undefined,
    }).mount('file:///x')
    await expect(mount.open({ signal: aborting.signal })).rejects.toBe('stop')
    await expect(source?.read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
  })
})

describe('file mount of Node', () => {
  let folder = ''
  beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'mounts-')) })
  afterAll(() => rm(folder, { recursive: true }))

  it('D29: gives an error value for what cannot be looked at', async () => {
    await symlink('loop', join(folder, 'loop'))
    const loop = nodeFileMount().mount(fileUrl(join(folder, 'loop')))
    await expect(loop.stat()).rejects.toMatchObject({ name: 'MountError', code: 'MOUNT_UNREACHABLE' })
    await expect(loop.open()).rejects.toMatchObject({ name: 'MountError', code: 'MOUNT_UNREACHABLE' })
    const long = nodeFileMount().mount(fileUrl(join(folder, 'x'.repeat(300))))
    await expect(long.stat()).rejects.toMatchObject({ name: 'MountError' })
  })

  it.skipIf(process.getuid?.() === 0)('D29: gives an error value for what it may not look at (not as root, who may)', async () => {
    await mkdir(join(folder, 'closed'))
    await writeFile(join(folder, 'closed', 'x'), 'x')
    await chmod(join(folder, 'closed'), 0)
    const mount = nodeFileMount().mount(fileUrl(join(folder, 'closed', 'x')))
    await expect(mount.stat()).rejects.toMatchObject({ code: 'MOUNT_FORBIDDEN' })
    await expect(mount.open()).rejects.toMatchObject({ code: 'MOUNT_FORBIDDEN' })
    await chmod(join(folder, 'closed'), 0o700)
  })

  it('refuses a folder and a pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')])
    for (const path of [folder, join(folder, 'pipe')]) {
      const mount = nodeFileMount().mount(fileUrl(path))
      await expect(mount.stat()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'never' })
      await expect(mount.open()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'never' })
    }
  })

  it('takes a path below a file as absent', async () => {
    await writeFile(join(folder, 'file'), 'x')
    const mount = nodeFileMount().mount(fileUrl(join(folder, 'file', 'below')))
    expect((await mount.stat()).exists).toBe(false)
    await expect(mount.open()).rejects.toMatchObject({ code: 'MOUNT_MISSING' })
  })

  it('takes relative paths from the root given, wherever the process stands', async () => {
    await writeFile(join(folder, 'a.car'), 'root')
    const mount = nodeFileMount({ root: folder }).mount(fileUrl('a.car'))
    expect(mount.url).toBe('file:a.car')
    expect(await mount.stat()).toMatchObject({ exists: true, sizeBytes: 4 })
    expect(() => nodeFileMount().mount('file:a.car')).toThrow(expect.objectContaining({ code: 'MOUNT_BAD_URL' }))
    expect(() => nodeFileMount({ root: 'relative' })).toThrow(TypeError)
  })
})
