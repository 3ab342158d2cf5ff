/** What every mount must do, as tests for any runner with `describe`, `it` and `expect`. */
import type { MountBytes, MountFactory } from './mount.ts'

export interface SuiteApi {
  readonly describe: (name: string, run: () => void) => unknown
  readonly it: (name: string, run: () => Promise<void>) => unknown
  readonly expect: (value: unknown) => {
    toBe(wanted: unknown): void
    toEqual(wanted: unknown): void
    toMatchObject(wanted: object): void
    readonly rejects: { toBe(wanted: unknown): Promise<void>, toMatchObject(wanted: object): Promise<void> }
  }
}

export interface MountPlace {
  readonly factory: MountFactory
  /** Make `bytes` reachable, each call in a place of its own. */
  put(bytes: Uint8Array): Promise<string>
  /** A legal URL behind which nothing is; `undefined` where there is no such URL. */
  readonly missing: string | undefined
  dispose?(): Promise<void>
}

export interface MountSubject {
  open(): Promise<MountPlace>
  /** URLs of the scheme that the factory refuses. */
  readonly badUrls: readonly string[]
  /** Pairs of URLs of one place: as written, and canonical. */
  readonly spellings?: readonly (readonly [string, string])[]
}

const patterned = (length: number, salt: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 31 + (at >>> 8) + salt) & 0xff)

/** Run the suite. Each test opens and disposes its own place. */
export const mountSuite = (name: string, { describe, it, expect }: SuiteApi, subject: MountSubject): void => {
  const test = (title: string, run: (place: MountPlace) => Promise<void>): void => {
    it(title, async () => {
      const place = await subject.open()
      try {
        await run(place)
      } finally {
        await place.dispose?.()
      }
    })
  }
  const badUrl = async (place: MountPlace, url: string): Promise<void> => {
    // in a promise, so that a call that throws and a function that rejects are told apart by the type alone
    await expect(Promise.resolve().then(() => place.factory.mount(url))).rejects.toMatchObject({ name: 'MountError', code: 'MOUNT_BAD_URL', retry: 'never' })
  }

  describe(`${name}: mount`, () => {
    test('has a scheme in lower case, which every canonical URL begins with', async (place) => {
      const url = await place.put(patterned(10, 0))
      expect(/^[a-z][a-z0-9+.-]*$/u.test(place.factory.scheme)).toBe(true)
      expect(place.factory.mount(url).url.startsWith(`${place.factory.scheme}:`)).toBe(true)
    })

    test('gives a canonical URL that stays as it is', async (place) => {
      const { url } = place.factory.mount(await place.put(patterned(10, 0)))
      expect(place.factory.mount(url).url).toBe(url)
      const { scheme } = place.factory
      expect(place.factory.mount(scheme.toUpperCase() + url.slice(scheme.length)).url).toBe(url)
    })

    test('writes one place in one way', async (place) => {
      for (const [written, canonical] of subject.spellings ?? []) {
        expect(place.factory.mount(written).url).toBe(canonical)
        expect(place.factory.mount(canonical).url).toBe(canonical)
      }
    })

    test('refuses URLs that are not its own, by code and without repeating them', async (place) => {
      for (const url of [...subject.badUrls, 'no-scheme', '', 'other-scheme:x']) {
        await badUrl(place, url)
        const message = await Promise.resolve().then(() => place.factory.mount(url)).catch((error: Error) => error.message)
        if (url.length > 12) expect(String(message).includes(url)).toBe(false)
      }
    })

    test('says what is there', async (place) => {
      const bytes = patterned(5000, 1)
      const mount = place.factory.mount(await place.put(bytes))
      const stat = await mount.stat()
      expect(stat).toMatchObject({ exists: true, ready: true })
      expect(stat.sizeBytes === undefined || stat.sizeBytes === bytes.byteLength).toBe(true)
      const opened = await mount.open()
      expect(opened.access).toBe(stat.access)
      await close(opened)
    })

    test('gives the bytes, whole and in parts', async (place) => {
      const bytes = patterned(5000, 2)
      const mount = place.factory.mount(await place.put(bytes))
      const opened = await mount.open()
      expect(await wholeOf(opened)).toEqual(bytes)
      if (opened.access === 'random') {
        expect(opened.source.sizeBytes).toBe(5000)
        expect(opened.source.identity.sizeBytes).toBe(5000)
        expect(await opened.source.read(4990, 10)).toEqual(bytes.slice(4990))
        expect(await opened.source.read(7, 1)).toEqual(bytes.slice(7, 8))
        expect(await opened.source.read(5000, 0)).toEqual(new Uint8Array(0))
        await expect(opened.source.read(4990, 11)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
        await expect(opened.source.read(-1, 1)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
      } else if (opened.resumable) {
        expect(await joined(opened.stream(4000))).toEqual(bytes.slice(4000))
      }
      await close(opened)
    })

    test('gives an empty place as no bytes', async (place) => {
      const opened = await place.factory.mount(await place.put(new Uint8Array(0))).open()
      expect(await wholeOf(opened)).toEqual(new Uint8Array(0))
      await close(opened)
    })

    test('gives chunks and reads that belong to the caller', async (place) => {
      const bytes = patterned(100, 3)
      const opened = await place.factory.mount(await place.put(bytes)).open()
      const first = await wholeOf(opened)
      first.fill(0)
      expect(await wholeOf(opened)).toEqual(bytes)
      await close(opened)
    })

    test('D22: two mounts of one factory never share a source', async (place) => {
      const [one, other] = [patterned(300, 4), patterned(400, 5)]
      const first = place.factory.mount(await place.put(one))
      const second = place.factory.mount(await place.put(other))
      expect(first.url === second.url).toBe(false)
      const [firstBytes, secondBytes] = await Promise.all([first.open(), second.open()])
      expect(await wholeOf(secondBytes)).toEqual(other)
      expect(await wholeOf(firstBytes)).toEqual(one)
      await close(firstBytes)
      expect(await wholeOf(secondBytes)).toEqual(other)
      await close(secondBytes)
    })

    test('opens twice as two independent handles, each closed as often as one likes', async (place) => {
      const bytes = patterned(300, 6)
      const mount = place.factory.mount(await place.put(bytes))
      const [first, second] = [await mount.open(), await mount.open()]
      await close(first)
      await close(first)
      expect(await wholeOf(second)).toEqual(bytes)
      if (first.access === 'random') await expect(first.source.read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
      await close(second)
    })

    test('calls absence by its name', async (place) => {
      if (place.missing === undefined) return
      const mount = place.factory.mount(place.missing)
      expect((await mount.stat()).exists).toBe(false)
      await expect(mount.open()).rejects.toMatchObject({ code: 'MOUNT_MISSING' })
    })

    test('rejects with the reason of an abort, unchanged', async (place) => {
      const mount = place.factory.mount(await place.put(patterned(5000, 7)))
      const reason = { why: 'test' }
      const signal = AbortSignal.abort(reason)
      await expect(mount.stat({ signal })).rejects.toBe(reason)
      await expect(mount.open({ signal })).rejects.toBe(reason)
      const opened = await mount.open()
      await expect(opened.access === 'random' ? opened.source.read(0, 10, { signal }) : joined(opened.stream(0, { signal }))).rejects.toBe(reason)
      expect((await wholeOf(opened)).byteLength).toBe(5000)
      await close(opened)
    })

    test('rejects or delivers, and leaks nothing, when the abort comes while it opens', async (place) => {
      const mount = place.factory.mount(await place.put(patterned(50, 8)))
      const aborting = new AbortController()
      const reason = new Error('test')
      const opening = mount.open({ signal: aborting.signal })
      aborting.abort(reason)
      await opening.then(close, (error: unknown) => { expect(error).toBe(reason) })
    })
  })
}

const close = async (opened: MountBytes): Promise<void> => {
  if (opened.access === 'random') await opened.source.close()
}

const wholeOf = async (opened: MountBytes): Promise<Uint8Array> =>
  opened.access === 'random' ? opened.source.read(0, opened.source.sizeBytes) : joined(opened.stream(0))

const joined = async (chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const all: number[] = []
  for await (const chunk of chunks) all.push(...chunk)
  return Uint8Array.from(all)
}

