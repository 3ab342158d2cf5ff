/** What every `Directory` does; run against each form. */
import { describe, expect, it } from 'vitest'
import type { Directory } from '../src/index.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const contentOf = async (directory: Directory, name: string): Promise<string> => {
  const source = await directory.openSource(name)
  try {
    return new TextDecoder().decode(await source.read(0, source.sizeBytes))
  } finally {
    await source.close()
  }
}
const put = (directory: Directory, name: string, value: string): Promise<unknown> => directory.writeAtomic(name, [text(value)])
const coded = (code: string): unknown => expect.objectContaining({ code })

/** Fails after its first chunk. */
async function * failing (error: unknown): AsyncGenerator<Uint8Array> {
  yield text('half')
  throw error
}

export const directoryCases = (open: () => Promise<Directory>): void => {
  describe('reading', () => {
    it('lists nothing and finds nothing before anything was written', async () => {
      const directory = await open()
      expect(await directory.list('')).toEqual([])
      expect(await directory.list('a/b')).toEqual([])
      expect(await directory.stat('a')).toBeUndefined()
      await expect(directory.openSource('a')).rejects.toEqual(coded('IO_NOT_FOUND'))
    })

    it('finds nothing below a file', async () => {
      const directory = await open()
      await put(directory, 'a', 'x')
      expect(await directory.stat('a/b')).toBeUndefined()
      expect(await directory.list('a/b')).toEqual([])
      await directory.remove('a/b')
      await expect(directory.openSource('a/b')).rejects.toEqual(coded('IO_NOT_FOUND'))
      await expect(directory.rename('a/b', 'c')).rejects.toEqual(coded('IO_NOT_FOUND'))
    })

    it('opens no folder as a file, and lists no file', async () => {
      const directory = await open()
      await put(directory, 'f/a', 'x')
      await expect(directory.openSource('f')).rejects.toEqual(coded('IO_FAILED'))
      await expect(directory.list('f/a')).rejects.toEqual(coded('IO_FAILED'))
    })

    it('lists names sorted by their bytes, with kinds, temporary ones left out', async () => {
      const directory = await open()
      const names = ['b', 'a', 'B', 'é', '\u{1f600}', '\uffee', 'a.b', '.a.0123456789abcdef.tmp']
      for (const name of names) await put(directory, name, '')
      await put(directory, 'ab/c', '')
      expect(await directory.list('')).toEqual(['B', 'a', 'a.b', 'ab', 'b', 'é', '\uffee', '\u{1f600}']
        .map((name) => ({ name, kind: name === 'ab' ? 'directory' : 'file' })))
    })

    it('states kinds and lengths', async () => {
      const directory = await open()
      await put(directory, 'f/a', 'four')
      expect(await directory.stat('f')).toMatchObject({ kind: 'directory', sizeBytes: 0 })
      expect(await directory.stat('f/a')).toMatchObject({ kind: 'file', sizeBytes: 4 })
    })

    it('rejects with the reason of a signal that is aborted', async () => {
      const directory = await open()
      await put(directory, 'a', 'x')
      const reason = new Error('enough')
      await expect(directory.openSource('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      await expect(directory.writeAtomic('a', [], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      expect(await contentOf(directory, 'a')).toBe('x')
    })

    it.each(['', '/a', 'a/', 'a//b', '..', 'a/../b', './a', 'a\0b', 'a\\b'])('refuses the name %j everywhere', async (name) => {
      const directory = await open()
      await put(directory, 'ok', 'x')
      await expect(directory.openSource(name)).rejects.toThrow(TypeError)
      await expect(directory.openWritable(name, 'any')).rejects.toThrow(TypeError)
      await expect(directory.writeAtomic(name, [])).rejects.toThrow(TypeError)
      await expect(directory.stat(name)).rejects.toThrow(TypeError)
      await expect(directory.rename(name, 'b')).rejects.toThrow(TypeError)
      await expect(directory.rename('ok', name)).rejects.toThrow(TypeError)
      await expect(directory.remove(name)).rejects.toThrow(TypeError)
      expect(() => directory.child(name)).toThrow(TypeError)
      if (name !== '') await expect(directory.list(name)).rejects.toThrow(TypeError)
    })
  })

  describe('writeAtomic', () => {
    it('writes chunks of every length in order, from iterables of both kinds', async () => {
      const directory = await open()
      const lengths = [0, 1, 1000, 40_000, 300_000, 5, 262_144, 200_000, 100_000]
      const chunks = lengths.map((length, at) => new Uint8Array(length).fill(at + 1))
      const whole = Buffer.concat(chunks)
      const memory = new Uint8Array(300_000)
      async function * reusing (): AsyncGenerator<Uint8Array> {
        for (const chunk of chunks) {
          memory.set(chunk)
          yield memory.subarray(0, chunk.byteLength)
        }
      }
      expect(await directory.writeAtomic('sync', chunks)).toEqual({ sizeBytes: whole.byteLength })
      expect(await directory.writeAtomic('async', reusing())).toEqual({ sizeBytes: whole.byteLength })
      for (const name of ['sync', 'async']) {
        const source = await directory.openSource(name)
        expect(Buffer.compare(await source.read(0, source.sizeBytes), whole)).toBe(0)
        await source.close()
      }
    })

    it('replaces the file; a source that is open keeps the old bytes', async () => {
      const directory = await open()
      await put(directory, 'a', 'old')
      const source = await directory.openSource('a')
      await put(directory, 'a', 'newer')
      expect(await source.read(0, 3)).toEqual(text('old'))
      await source.close()
      expect(await contentOf(directory, 'a')).toBe('newer')
    })

    it('leaves the target and nothing else when its content fails', async () => {
      const directory = await open()
      await put(directory, 'f/a', 'old')
      const failure = new Error('no more')
      await expect(directory.writeAtomic('f/a', failing(failure))).rejects.toBe(failure)
      await expect(directory.writeAtomic('f/b', failing(failure))).rejects.toBe(failure)
      expect(await directory.list('f')).toEqual([{ name: 'a', kind: 'file' }])
      expect(await contentOf(directory, 'f/a')).toBe('old')
    })

    it('leaves the target and nothing else when it is aborted, and lets go of the content', async () => {
      const directory = await open()
      await put(directory, 'a', 'old')
      const controller = new AbortController()
      const reason = new Error('enough')
      let released = 0
      async function * content (): AsyncGenerator<Uint8Array> {
        try {
          yield text('one')
          controller.abort(reason)
          yield text('two')
        } finally {
          released++
        }
      }
      await expect(directory.writeAtomic('a', content(), { signal: controller.signal })).rejects.toBe(reason)
      expect(released).toBe(1)
      expect(await contentOf(directory, 'a')).toBe('old')
      expect(await directory.list('')).toEqual([{ name: 'a', kind: 'file' }])
    })

    it('does not complete when it is aborted by the end of its content', async () => {
      const directory = await open()
      const controller = new AbortController()
      const reason = new Error('enough')
      async function * content (): AsyncGenerator<Uint8Array> {
        yield text('one')
        controller.abort(reason)
      }
      await expect(directory.writeAtomic('a', content(), { signal: controller.signal })).rejects.toBe(reason)
      expect(await directory.list('')).toEqual([])
    })

    it('gives one of the contents, whole, when two callers write the same name', async () => {
      const directory = await open()
      await Promise.all(['aaaa', 'bb', 'cccccc'].map((value) => put(directory, 'deep/down/a', value)))
      expect(['aaaa', 'bb', 'cccccc']).toContain(await contentOf(directory, 'deep/down/a'))
      expect(await directory.list('deep/down')).toHaveLength(1)
    })

    it('takes a name of 255 bytes', async () => {
      const directory = await open()
      const name = 'é'.repeat(127) + 'x'
      await put(directory, name, 'long')
      expect(await contentOf(directory, name)).toBe('long')
    })

    it('refuses a folder as target, and a file as folder', async () => {
      const directory = await open()
      await put(directory, 'f/a', 'x')
      await expect(put(directory, 'f', 'y')).rejects.toEqual(coded('IO_FAILED'))
      await expect(put(directory, 'f/a/b', 'y')).rejects.toEqual(coded('IO_FAILED'))
      await expect(put(directory, 'f/a/b/c', 'y')).rejects.toEqual(coded('IO_FAILED'))
      expect(await directory.list('')).toEqual([{ name: 'f', kind: 'directory' }])
      expect(await directory.list('f')).toEqual([{ name: 'a', kind: 'file' }])
    })
  })

  describe('openWritable', () => {
    it('opens by mode', async () => {
      const directory = await open()
      await expect(directory.openWritable('f/a', 'open')).rejects.toEqual(coded('IO_NOT_FOUND'))
      expect(await directory.list('')).toEqual([])
      for (const mode of ['new', 'any', 'open'] as const) await (await directory.openWritable('f/a', mode)).close()
      await (await directory.openWritable('b', 'any')).close()
      await expect(directory.openWritable('f/a', 'new')).rejects.toEqual(coded('IO_EXISTS'))
      await expect(directory.openWritable('f', 'new')).rejects.toEqual(coded('IO_EXISTS'))
      await expect(directory.openWritable('f', 'any')).rejects.toEqual(coded('IO_FAILED'))
      await expect(directory.openWritable('f', 'open')).rejects.toEqual(coded('IO_FAILED'))
      await expect(directory.openWritable('b/c', 'open')).rejects.toEqual(coded('IO_NOT_FOUND'))
      await expect(directory.openWritable('b/c', 'new')).rejects.toEqual(coded('IO_FAILED'))
      expect((await directory.list('')).map(({ name }) => name)).toEqual(['b', 'f'])
    })

    it('opens one new file for callers who come together', async () => {
      const directory = await open()
      const files = await Promise.all([1, 2, 3].map(() => directory.openWritable('x/a', 'any')))
      await files[0]?.write(0, text('abc'))
      for (const file of files) await file.close()
      expect(await contentOf(directory, 'x/a')).toBe('abc')
      const tries = await Promise.allSettled([1, 2, 3].map(() => directory.openWritable('y/a', 'new')))
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const one of tries) if (one.status === 'fulfilled') await one.value.close()
    })

    it('writes in place, grows with zeros, and cuts', async () => {
      const directory = await open()
      const file = await directory.openWritable('a', 'new')
      expect(file.sizeBytes).toBe(0)
      await file.write(4, text('efg'))
      expect(file.sizeBytes).toBe(7)
      await file.write(0, text('ab'))
      await file.write(3, new Uint8Array(0))
      await file.write(100, new Uint8Array(0))
      expect(file.sizeBytes).toBe(7)
      expect(await file.read(0, 7)).toEqual(text('ab\0\0efg'))
      await file.truncate(5)
      await file.truncate(8)
      expect(await file.read(3, 5)).toEqual(text('\0e\0\0\0'))
      expect(await file.read(8, 0)).toEqual(new Uint8Array(0))
      await file.sync()
      await file.sync()
      await file.close()
      expect(await contentOf(directory, 'a')).toBe('ab\0\0e\0\0\0')
      const again = await directory.openWritable('a', 'any')
      expect(again.sizeBytes).toBe(8)
      await again.close()
    })

    it('reads only what is there', async () => {
      const directory = await open()
      const file = await directory.openWritable('a', 'new')
      await file.write(0, text('abc'))
      for (const [at, length] of [[0, 4], [4, 0], [-1, 1], [0, -1], [0.5, 1], [0, Number.NaN]] as const) {
        await expect(file.read(at, length)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
      }
      await expect(file.write(-1, text('x'))).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
      await expect(file.truncate(1.5)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
      await file.close()
    })

    it('gives memory of its own, and keeps none', async () => {
      const directory = await open()
      const file = await directory.openWritable('a', 'new')
      const bytes = text('abc')
      await file.write(0, bytes)
      bytes.fill(0)
      const first = await file.read(0, 3)
      expect(first.buffer.byteLength).toBe(3)
      first.fill(0)
      expect(await file.read(0, 3)).toEqual(text('abc'))
      await file.close()
    })

    it('refuses everything once closed, and closes once', async () => {
      const directory = await open()
      const file = await directory.openWritable('a', 'new')
      const written = file.write(0, text('abc'))
      const closed = [file.close(), file.close(), file[Symbol.asyncDispose]()]
      await written
      await Promise.all(closed)
      await expect(file.read(0, 1)).rejects.toEqual(coded('IO_CLOSED'))
      await expect(file.write(0, text('x'))).rejects.toEqual(coded('IO_CLOSED'))
      await expect(file.truncate(0)).rejects.toEqual(coded('IO_CLOSED'))
      await expect(file.sync()).rejects.toEqual(coded('IO_CLOSED'))
      expect(await contentOf(directory, 'a')).toBe('abc')
    })

    it('keeps the bytes of overlapping calls apart', async () => {
      const directory = await open()
      const file = await directory.openWritable('a', 'new')
      await Promise.all(Array.from({ length: 64 }, (_, at) => file.write(at * 100, new Uint8Array(100).fill(at))))
      expect(file.sizeBytes).toBe(6400)
      const parts = await Promise.all(Array.from({ length: 64 }, (_, at) => file.read(at * 100, 100)))
      parts.forEach((part, at) => expect(part).toEqual(new Uint8Array(100).fill(at)))
      await file.close()
    })
  })

  describe('rename and remove', () => {
    it('moves files and folders, replacing files', async () => {
      const directory = await open()
      await put(directory, 'a', 'one')
      await put(directory, 'b', 'two')
      await directory.rename('a', 'b')
      await directory.rename('b', 'new/place/c')
      await directory.rename('new/place', 'moved')
      await directory.rename('moved/c', 'moved/c')
      expect(await contentOf(directory, 'moved/c')).toBe('one')
      expect((await directory.list('')).map(({ name }) => name)).toEqual(['moved', 'new'])
    })

    it('refuses what cannot be', async () => {
      const directory = await open()
      await put(directory, 'f/a', 'one')
      await put(directory, 'g/a', 'two')
      await put(directory, 'x', 'three')
      await expect(directory.rename('nothing', 'deep/x')).rejects.toEqual(coded('IO_NOT_FOUND'))
      await expect(directory.rename('f', 'x')).rejects.toEqual(coded('IO_FAILED'))
      await expect(directory.rename('x', 'f')).rejects.toEqual(coded('IO_FAILED'))
      await expect(directory.rename('f', 'g')).rejects.toEqual(coded('IO_FAILED'))
      await expect(directory.rename('f', 'f/b')).rejects.toEqual(coded('IO_FAILED'))
      await expect(directory.rename('x', 'f/a/b')).rejects.toEqual(coded('IO_FAILED'))
      expect((await directory.list('')).map(({ name }) => name)).toEqual(['f', 'g', 'x'])
      expect(await contentOf(directory, 'f/a')).toBe('one')
    })

    it('removes files, and is content when there is none', async () => {
      const directory = await open()
      await put(directory, 'f/a', 'one')
      const source = await directory.openSource('f/a')
      await Promise.all([directory.remove('f/a'), directory.remove('f/a')])
      await directory.remove('f/a')
      await directory.remove('no/folder/either')
      expect(await source.read(0, 3)).toEqual(text('one'))
      await source.close()
      expect(await directory.list('f')).toEqual([])
      await expect(directory.remove('f')).rejects.toEqual(coded('IO_FAILED'))
    })
  })

  describe('child', () => {
    it('is the folder below, whatever exists', async () => {
      const directory = await open()
      const child = directory.child('x/y')
      expect(await child.list('')).toEqual([])
      await put(child, 'a', 'one')
      expect(await contentOf(directory, 'x/y/a')).toBe('one')
      expect(await contentOf(directory.child('x').child('y'), 'a')).toBe('one')
      await child.rename('a', 'b')
      expect(await directory.list('x/y')).toEqual([{ name: 'b', kind: 'file' }])
      expect(child.label).toBe(`${directory.label}/x/y`)
      await child.freeBytes()
    })
  })
}
