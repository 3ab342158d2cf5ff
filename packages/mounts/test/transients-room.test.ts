/** Room for copies where it is tight: who is served first, what is not given up, and in which order things are let go. */
import { type ByteSource, createBytesSource, createMemoryDirectory, type Directory, IoError } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { firstOf, type LocalFiles, type Mount, MountError, openTransients, transientName } from '../src/index.ts'
import { bytesOf, createTape, filesIn, gate, settle } from './tape.ts'

const KIB = 1000

/** As on systems that refuse to delete a file while it is open. */
const keepingOpen = (directory: Directory): Directory => {
  const open = new Map<string, number>()
  return {
    ...directory,
    openSource: async (name, options) => {
      const source = await directory.openSource(name, options)
      open.set(name, (open.get(name) ?? 0) + 1)
      let closed = false
      const close = async (): Promise<void> => {
        await settle()
        await source.close()
        if (!closed) open.set(name, (open.get(name) ?? 0) - 1)
        closed = true
      }
      return { ...source, close, [Symbol.asyncDispose]: close }
    },
    remove: async (name) => {
      if ((open.get(name) ?? 0) > 0) throw new IoError('IO_FORBIDDEN', `file is open; name=${name}`)
      await directory.remove(name)
    },
  }
}

describe('copies where room is tight', () => {
  it('a copy that needs more than was thought comes before those that have not begun', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory(), quotaBytes: 10 * KIB, highWatermark: 1, lowWatermark: 1, reserveBytes: 3 * KIB })
    const [unknown, known] = [createTape(bytesOf(6 * KIB), 'unknown', KIB), createTape(bytesOf(8 * KIB), 'known', KIB)]
    Object.assign(unknown, { sizeBytes: undefined, identity: undefined })
    let second: Promise<ByteSource> | undefined
    unknown.before = async (at) => {
      if (at !== KIB) return
      second = transients.open(known.mount, { key: 'known', generation: 1 })
      second.catch(() => {}) // looked at below
      await settle()
    }
    const first = await transients.open(unknown.mount, { key: 'unknown', generation: 1 })
    expect(await first.read(0, 6 * KIB)).toEqual(unknown.bytes)
    await first.close()
    const after = await second!
    expect(await after.read(0, 8 * KIB)).toEqual(known.bytes)
    await after.close()
    await transients.close()
  })

  it('what a failed copy had reserved and not written serves the next one', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory(), quotaBytes: 10 * KIB, highWatermark: 1, lowWatermark: 1, reserveBytes: 9 * KIB })
    const [failing, known] = [createTape(bytesOf(6 * KIB), 'failing', KIB), createTape(bytesOf(8 * KIB), 'known', KIB)]
    Object.assign(failing, { sizeBytes: undefined, identity: undefined, resumable: false })
    let second: Promise<ByteSource> | undefined
    failing.before = async () => {
      second = transients.open(known.mount, { key: 'known', generation: 1 })
      second.catch(() => {}) // looked at below
      await settle()
      throw new IoError('IO_SOURCE_LOST', 'test')
    }
    await expect(transients.open(failing.mount, { key: 'failing', generation: 1 })).rejects.toMatchObject({ code: 'IO_SOURCE_LOST' })
    await (await second!).close()
    await transients.close()
  })

  it('what is lent takes no room, and is not given up for any', async () => {
    const directory = createMemoryDirectory()
    const lent = createMemoryDirectory()
    await lent.writeAtomic('lent.car', [bytesOf(5 * KIB)])
    const refuse = async (): Promise<never> => { throw new Error('not of this test') }
    const localFiles: LocalFiles = { recorded: (path) => path, open: (path, options) => lent.openSource(path, options), move: refuse, link: refuse }
    const transients = await openTransients({ directory, quotaBytes: 10 * KIB, highWatermark: 1, lowWatermark: 0.1, localFiles })
    await transients.adopt({ key: 'lent', generation: 1, path: 'lent.car', mode: 'borrow' })
    for (const key of ['a', 'b', 'c']) await (await transients.open(createTape(bytesOf(6 * KIB), key).mount, { key, generation: 1 })).close()
    expect(await transients.has({ key: 'lent', generation: 1 })).toBe(true)
    expect(await transients.has({ key: 'a', generation: 1 })).toBe(false)
    await transients.close()
  })

  it('a copy that is opened while somebody makes up his mind about it stays', async () => {
    const directory = createMemoryDirectory()
    const transients = await openTransients({ directory })
    const tape = createTape(bytesOf(5 * KIB))
    await (await transients.open(tape.mount, { key: 'a', generation: 1 })).close()
    let opened: ByteSource | undefined
    const { items } = await transients.collect({ keep: async () => {
      opened = await transients.open(tape.mount, { key: 'a', generation: 1, noDownload: true })
      return false
    } })
    expect(items).toEqual([])
    expect(await filesIn(directory)).toContain(transientName('a', 1))
    await opened!.close()
    expect((await transients.collect()).items).toHaveLength(1)
    await transients.close()
  })

  it('no copy is deleted before its last reader has closed it', async () => {
    const transients = await openTransients({ directory: keepingOpen(createMemoryDirectory()), quotaBytes: 7 * KIB, highWatermark: 1, lowWatermark: 1 })
    const tape = createTape(bytesOf(5 * KIB))
    let before = await transients.open(tape.mount, { key: '0', generation: 1 })
    for (let at = 1; at < 5; at++) {
      const next = transients.open(tape.mount, { key: String(at), generation: 1 })
      next.catch(() => {}) // looked at below
      await settle()
      await before.close()
      before = await next
    }
    const removing = transients.remove('4', 1)
    await before.close()
    await removing
    await transients.close()
  })
})

describe('a source that nobody takes', () => {
  it('is closed, when the one who asked for it has left', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const { passed, open } = gate()
    let closed = 0
    const source = createBytesSource(bytesOf(KIB))
    const mount: Mount = {
      url: 'late:x',
      stat: async () => ({ exists: true, sizeBytes: KIB, ready: true, access: 'random' }),
      open: async () => {
        await passed
        return { access: 'random', source: { ...source, close: async () => { closed++ } } }
      },
    }
    const leaving = new AbortController()
    const opening = transients.open(mount, { key: 'a', generation: 1, signal: leaving.signal })
    await settle()
    leaving.abort(new Error('gone'))
    open()
    await expect(opening).rejects.toBe(leaving.signal.reason)
    await settle()
    expect(closed).toBe(1)
    await transients.close()
  })
})

describe('several mounts in one', () => {
  it('say that nothing is there only when each of them has said so', async () => {
    const gone: Mount = { url: 'gone:x', stat: async () => ({ exists: false, sizeBytes: undefined, ready: true, access: 'random' }), open: async () => { throw new MountError('MOUNT_MISSING', 'nothing is there') } }
    const away: Mount = { url: 'away:x', stat: async () => { throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }, open: async () => { throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) } }
    for (const mounts of [[gone, away], [away, gone]]) await expect(firstOf(mounts).stat()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'later' })
    await expect(firstOf([gone, gone]).stat()).resolves.toMatchObject({ exists: false })
  })
})

describe('a copy that can be resumed', () => {
  it('says how far it is only of bytes that are synced', async () => {
    const memory = createMemoryDirectory()
    let unsynced = 0
    const said: number[] = []
    const directory: Directory = {
      ...memory,
      openWritable: async (name, mode) => {
        const file = await memory.openWritable(name, mode)
        return {
          ...file,
          write: async (at, bytes) => { unsynced += bytes.byteLength; await file.write(at, bytes) },
          sync: async () => { unsynced = 0; await file.sync() },
        }
      },
      writeAtomic: async (name, content, options) => {
        if (name.endsWith('.progress')) said.push(unsynced)
        return memory.writeAtomic(name, content, options)
      },
    }
    const transients = await openTransients({ directory })
    const tape = createTape(new Uint8Array(130 << 20), 'large', 2 << 20)
    await (await transients.open(tape.mount, { key: 'a', generation: 1 })).close()
    // at the beginning, and every 64 MiB
    expect(said).toEqual([0, 0, 0])
    await transients.close()
  })
})
