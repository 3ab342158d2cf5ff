/** The suite is worth something only if it fails where it should. */
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { fileMount, fileUrl, type Mount, type MountFactory } from '../src/index.ts'
import { mountSuite } from '../src/suite.ts'

/** Titles of the tests that fail for mounts changed by `breakIt`. */
const failuresOf = async (breakIt: (mount: Mount) => Partial<Mount>, factoryFrom: (factory: MountFactory) => MountFactory = (factory) => factory): Promise<string[]> => {
  const tests: { title: string, run: () => Promise<void> }[] = []
  mountSuite('broken', { describe: (_, run) => { run() }, it: (title, run) => tests.push({ title, run }), expect }, {
    open: async () => {
      const directory = createMemoryDirectory()
      let count = 0
      const factory = fileMount({ open: (path, options) => directory.openSource(path, options), stat: (path) => directory.stat(path) })
      const broken: MountFactory = {
        scheme: 'file',
        mount: (url) => {
          const mount = factory.mount(url)
          return { ...mount, ...breakIt(mount) }
        },
      }
      return {
        factory: factoryFrom(broken),
        put: async (bytes) => {
          await directory.writeAtomic(`${count} x`, [bytes])
          return fileUrl(`${count++} x`)
        },
        missing: 'file:none',
      }
    },
    badUrls: ['file:a?b'],
    spellings: [['file:a%2Fb', 'file:a/b']],
  })
  const failed: string[] = []
  for (const { title, run } of tests) await run().catch(() => { failed.push(title) })
  return failed
}

describe('mountSuite', () => {
  it('passes mounts that are whole', async () => {
    expect(await failuresOf(() => ({}))).toEqual([])
  })

  let shared: ReturnType<Mount['open']> | undefined
  it.each<[string, (mount: Mount) => Partial<Mount>, string]>([
    ['have a URL that changes', (mount) => ({ url: `${mount.url}/` }), 'gives a canonical URL that stays as it is'],
    ['share a source', (mount) => ({ open: (options) => (shared ??= mount.open(options)) }), 'D22: two mounts of one factory never share a source'],
    ['report absence as an error', (mount) => ({
      stat: async (options) => {
        const stat = await mount.stat(options)
        if (!stat.exists) throw new Error('no such file')
        return stat
      },
    }), 'calls absence by its name'],
    ['open what is not there', (mount) => ({ open: (options) => mount.open(options).catch((error: Error) => {
      if ('code' in error) return { access: 'random', source: createBytesSource(new Uint8Array(0)) }
      throw error
    }) }), 'calls absence by its name'],
    ['do not say the size', (mount) => ({ stat: async (options) => ({ ...await mount.stat(options), sizeBytes: 1 }) }), 'says what is there'],
    ['ignore an abort', (mount) => ({ open: () => mount.open() }), 'rejects with the reason of an abort, unchanged'],
    ['give bytes of a pool', (mount) => ({
      open: async (options) => {
        const opened = await mount.open(options)
        if (opened.access !== 'random') return opened
        const pool = await opened.source.read(0, opened.source.sizeBytes)
        return { access: 'random', source: { ...opened.source, read: async (at, length, call) => { await opened.source.read(at, length, call); return pool.subarray(at, at + length) } } }
      },
    }), 'gives chunks and reads that belong to the caller'],
    ['stay open', (mount) => ({
      open: async (options) => {
        const opened = await mount.open(options)
        return opened.access === 'random' ? { access: 'random', source: { ...opened.source, close: async () => {} } } : opened
      },
    }), 'opens twice as two independent handles, each closed as often as one likes'],
  ])('fails mounts that %s', async (_, breakIt, title) => {
    shared = undefined
    expect(await failuresOf(breakIt)).toContain(title)
  })

  it('fails a factory that takes everything', async () => {
    const failed = await failuresOf(() => ({}), (factory) => ({
      ...factory,
      mount: (url) => {
        try {
          return factory.mount(url)
        } catch {
          return factory.mount('file:x')
        }
      },
    }))
    expect(failed).toContain('refuses URLs that are not its own, by code and without repeating them')
  })
})
