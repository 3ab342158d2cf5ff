import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, fileMount, fileUrl, type MountFactory } from '../src/index.ts'
import { fileMount as nodeFileMount } from '../src/node.ts'
import { mountSuite } from '../src/suite.ts'

const api = { describe, it, expect }

mountSuite('bytes', api, {
  open: async () => ({ factory: bytesMount(), put: async (bytes) => bytesUrl(bytes), missing: undefined }),
  badUrls: ['bytes:a', 'bytes:AA==', 'bytes:A/+A', 'bytes:AB', 'bytes://AAAA', 'bytes:AAA A', 'bytes:AAAA#x'],
})

const badFileUrls = ['file:', 'file://', 'file://server/share/x', 'file:///a?b', 'file:///a#b', 'file:///a%', 'file:///%ff', 'file:///a%00b', 'file:///\ud800']
const spellings = [
  ['file:/a b', 'file:///a%20b'],
  ['file://localhost/a', 'file:///a'],
  ['file:///%61%2Fb', 'file:///a/b'],
  ['file:///a/../b//c', 'file:///a/../b//c'],
] as const

mountSuite('files of a port', api, {
  open: async () => {
    const directory = createMemoryDirectory()
    let count = 0
    return {
      factory: fileMount({
        open: (path, options) => directory.openSource(path, options),
        stat: async (path) => directory.stat(path),
      }),
      put: async (bytes) => {
        const name = `some/${count++} %?.car`
        await directory.writeAtomic(name, [bytes])
        return fileUrl(name)
      },
      missing: 'file:some/other.car',
    }
  },
  badUrls: badFileUrls,
  spellings,
})

mountSuite('files of Node', api, {
  open: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mounts-'))
    let count = 0
    return {
      factory: nodeFileMount(),
      put: async (bytes) => {
        const path = join(folder, `${count++} %23#?.car`)
        await writeFile(path, bytes)
        return fileUrl(path)
      },
      missing: fileUrl(join(folder, 'none.car')),
      dispose: () => rm(folder, { recursive: true }),
    }
  },
  badUrls: [...badFileUrls, 'file:relative.car'],
  spellings,
})

/** A mount that gives its bytes in order only. */
const sequentialFactory = (places: ReadonlyMap<string, Uint8Array>): MountFactory => ({
  scheme: 'tape',
  mount: (url) => {
    const name = /^tape:(\d+)$/iu.exec(url)?.[1]
    if (name === undefined) return bytesMount().mount(url) // refuses it
    const bytes = places.get(name)
    return {
      url: `tape:${name}`,
      stat: async ({ signal } = {}) => {
        signal?.throwIfAborted()
        return { exists: bytes !== undefined, sizeBytes: bytes?.byteLength, ready: true, access: 'sequential' }
      },
      open: async ({ signal } = {}) => {
        signal?.throwIfAborted()
        if (bytes === undefined) throw Object.assign(new Error('gone'), { code: 'MOUNT_MISSING' })
        return {
          access: 'sequential',
          identity: createBytesSource(bytes).identity,
          resumable: true,
          stream: async function * (from, options = {}) {
            for (let at = from; at < bytes.byteLength; at += 1000) {
              options.signal?.throwIfAborted()
              yield bytes.slice(at, at + 1000)
            }
          },
        }
      },
    }
  },
})

mountSuite('a sequential mount', api, {
  open: async () => {
    const places = new Map<string, Uint8Array>()
    return {
      factory: sequentialFactory(places),
      put: async (bytes) => {
        places.set(String(places.size), bytes)
        return `tape:${places.size - 1}`
      },
      missing: 'tape:99',
    }
  },
  badUrls: ['tape:x'],
})
