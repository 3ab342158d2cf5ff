/** D20: what is written down of a mount is enough to make it again, for every scheme and whatever stands in its URL. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, createMountRegistry, fileMount, filePath, fileUrl, firstOf, firstOfMount, httpMounts, type MountFactory, type MountRegistry } from '../src/index.ts'

const files = fileMount({ open: async () => { throw new Error('unused') }, stat: async () => undefined })
const simple: MountRegistry = createMountRegistry([bytesMount(), files, ...httpMounts()])
const registry: MountRegistry = createMountRegistry([bytesMount(), files, ...httpMounts(), firstOfMount(simple)])
const path = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((text) => !text.includes('\0'))
const urls = {
  bytes: fc.uint8Array({ maxLength: 300 }).map(bytesUrl),
  file: path.map((text) => fileUrl(text)),
  http: fc.webUrl({ withQueryParameters: true, validSchemes: ['http', 'https'] }),
}
const any = fc.oneof(urls.bytes, urls.file, urls.http)

describe('URLs of mounts', () => {
  it.each(Object.entries(urls))('D20: of scheme %s come back as they are', (_, made) => {
    fc.assert(fc.property(made, (given) => {
      const { url } = registry.resolve(given)
      expect(registry.resolve(url).url).toBe(url)
    }), { seed: 20, numRuns: 500 })
  })

  it('D20: of several in one come back as they are, in their order', () => {
    fc.assert(fc.property(fc.array(any, { minLength: 1, maxLength: 5 }), (given) => {
      const mounts = given.map((each) => simple.resolve(each))
      const { url } = firstOf(mounts)
      expect(registry.resolve(url).url).toBe(url)
      expect(url.slice('first-of:'.length).split(',').map(decodeURIComponent)).toEqual(mounts.map((mount) => mount.url))
    }), { seed: 21, numRuns: 200 })
  })

  it('D20: keep paths and bytes exactly', () => {
    fc.assert(fc.property(path, (text) => { expect(filePath(registry.resolve(fileUrl(text)).url)).toBe(text) }), { seed: 22, numRuns: 500 })
    fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const opened = await registry.resolve(registry.resolve(bytesUrl(bytes)).url).open()
      if (opened.access !== 'random') throw new Error('not random')
      expect(await opened.source.read(0, opened.source.sizeBytes)).toEqual(bytes)
      await opened.source.close()
    }), { seed: 23, numRuns: 200 })
  })

  it('are refused or canonical, whatever text they are', () => {
    const factories: readonly MountFactory[] = [bytesMount(), files, ...httpMounts(), firstOfMount(simple)]
    fc.assert(fc.property(fc.constantFrom(...factories), fc.string({ unit: 'binary', maxLength: 60 }), ({ scheme }, rest) => {
      let once: string
      try {
        once = registry.resolve(`${scheme}:${rest}`).url
      } catch (error) {
        expect(error).toMatchObject({ name: 'MountError' })
        return
      }
      expect(registry.resolve(once).url).toBe(once)
    }), { seed: 24, numRuns: 2000 })
  })
})
