import { gzipSync } from 'node:zlib'
import { createMemoryDirectory, type Directory } from '@dagstore/io'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { httpMounts, type Mount, openTransients, sequential } from '../src/index.ts'
import { mountSuite } from '../src/suite.ts'
import { openWebServer, type WebServer } from './web-server.ts'

const api = { describe, it, expect }
const BYTES = Uint8Array.from({ length: 100_000 }, (_, at) => (at * 7) & 0xff)

const badUrls = ['http://', 'http://user@host/x', 'http://:secret@host/x', 'http://host/x#y', 'http://host/x#', 'http://ho st/', 'https://host/']
for (const ranges of [true, false]) {
  mountSuite(ranges ? 'HTTP with ranges' : 'HTTP without ranges', api, {
    open: async () => {
      const web = await openWebServer()
      web.ranges = ranges
      return {
        factory: httpMounts()[0] as ReturnType<typeof httpMounts>[number],
        put: async (bytes) => {
          const path = `/some/${web.files.size}%20x.car?a=b`
          web.files.set(path, { bytes, etag: `"${web.files.size}"` })
          return web.origin + path
        },
        missing: `${web.origin}/none`,
        dispose: () => web.close(),
      }
    },
    badUrls,
    spellings: [
      ['HTTP://Example.com:80/a/../b c', 'http://example.com/b%20c'],
      ['http://example.com', 'http://example.com/'],
      ['http://ex\nample.com/\t', 'http://example.com/'],
    ],
  })
}

describe('HTTP mount', () => {
  let web: WebServer
  beforeEach(async () => {
    web = await openWebServer()
    web.files.set('/x', { bytes: BYTES, etag: '"v1"' })
  })
  afterEach(() => web.close())
  const mountOf = (path: string, options: Parameters<typeof httpMounts>[0] = {}): Mount =>
    (httpMounts(options)[0] as ReturnType<typeof httpMounts>[number]).mount(web.origin + path)

  it('has a factory for http and one for https', () => {
    expect(httpMounts().map(({ scheme }) => scheme)).toEqual(['http', 'https'])
    expect(httpMounts()[1]?.mount('https://example.com:443/x').url).toBe('https://example.com/x')
  })

  it('keeps canonical URLs as they are, whatever stands in them', () => {
    const factory = httpMounts()[0]
    fc.assert(fc.property(fc.webUrl({ withQueryParameters: true, validSchemes: ['http'] }), fc.string({ unit: 'binary' }), (base, rest) => {
      let once: string | undefined
      try {
        once = factory?.mount(`${base}/${rest.replaceAll('#', '')}`).url
      } catch (error) {
        expect(error).toMatchObject({ code: 'MOUNT_BAD_URL' })
        return
      }
      expect(factory?.mount(once ?? '').url).toBe(once)
    }), { seed: 20, numRuns: 1000 })
  })

  it('refuses credentials in the URL without repeating them, and says where they go', () => {
    const error = (() => {
      try {
        httpMounts()[0]?.mount('http://me:hunter2@example.com/x')
      } catch (thrown) {
        return thrown as Error
      }
      return undefined
    })()
    expect(error).toMatchObject({ code: 'MOUNT_BAD_URL' })
    expect(error?.message).not.toContain('hunter2')
    expect(error?.message).toContain('headers')
  })

  it('sends the headers of a host to that host alone', async () => {
    const headers = { [web.host]: { authorization: 'Bearer x' }, 'other.example': { authorization: 'Bearer y' } }
    const opened = await mountOf('/x', { headers }).open()
    if (opened.access === 'random') await opened.source.read(5000, 1)
    expect(web.seen.map(({ authorization }) => authorization)).toEqual(['Bearer x', 'Bearer x'])
    await mountOf('/x').stat()
    expect(web.seen.at(-1)?.authorization).toBeUndefined()
  })

  it('opens with one request, then asks for what is read', async () => {
    const opened = await mountOf('/x').open()
    expect(web.log).toEqual(['GET /x bytes=0-4095'])
    if (opened.access !== 'random') throw new Error('not random')
    expect(await opened.source.read(5000, 100)).toEqual(BYTES.slice(5000, 5100))
    expect(web.log[1]).toBe('GET /x bytes=5000-5099')
    expect(opened.source.identity).toEqual({ kind: 'version', tag: '"v1"', sizeBytes: BYTES.byteLength })
    web.files.set('/x', { bytes: BYTES, etag: '"v2"' })
    await expect(opened.source.read(5000, 1)).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED' })
  })

  it.each([
    [401, 'MOUNT_FORBIDDEN', 'never'],
    [403, 'MOUNT_FORBIDDEN', 'never'],
    [451, 'MOUNT_FORBIDDEN', 'never'],
    [400, 'MOUNT_UNREACHABLE', 'never'],
    [429, 'MOUNT_UNREACHABLE', 'later'],
    [500, 'MOUNT_UNREACHABLE', 'later'],
    [503, 'MOUNT_UNREACHABLE', 'later'],
  ])('gives status %d as %s, retry %s', async (status, code, retry) => {
    web.intercept = (_, response) => { response.writeHead(status).end('no'); return true }
    await expect(mountOf('/x').stat()).rejects.toMatchObject({ code, retry })
    await expect(mountOf('/x').open()).rejects.toMatchObject({ code, retry })
  })

  it('says what is there and opens it with one request', async () => {
    const { stat, bytes } = await mountOf('/x').openStat!()
    expect(stat).toEqual({ exists: true, sizeBytes: BYTES.byteLength, ready: true, access: 'random' })
    expect(web.log).toEqual(['GET /x bytes=0-4095'])
    if (bytes?.access !== 'random') throw new TypeError('no random access')
    expect(await bytes.source.read(7, 5)).toEqual(BYTES.slice(7, 12))
    await bytes.source.close()
    expect(await mountOf('/none').openStat!()).toEqual({ stat: { exists: false, sizeBytes: undefined, ready: true, access: 'random' }, bytes: undefined })
  })

  it.each([404, 410])('gives status %d as absence', async (status) => {
    web.intercept = (_, response) => { response.writeHead(status).end(); return true }
    expect((await mountOf('/x').stat()).exists).toBe(false)
    await expect(mountOf('/x').open()).rejects.toMatchObject({ code: 'MOUNT_MISSING' })
  })

  it('is unreachable while nobody answers', async () => {
    const mount = mountOf('/x')
    await web.close()
    await expect(mount.stat()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'later' })
    await expect(mount.open()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'later' })
    web = await openWebServer()
  })

  it('rejects with the reason of an abort while it waits for an answer', async () => {
    const aborting = new AbortController()
    web.intercept = () => { aborting.abort('stop'); return true }
    await expect(mountOf('/x').open({ signal: aborting.signal })).rejects.toBe('stop')
    web.ranges = false
    const second = new AbortController()
    web.intercept = (request) => {
      if (request.headers.range !== undefined) return false
      second.abort('stop later')
      return true
    }
    await expect(mountOf('/x').open({ signal: second.signal })).rejects.toBe('stop later')
  })

  describe('of a server without ranges', () => {
    beforeEach(() => { web.ranges = false })

    it('says its size and gives its bytes in order', async () => {
      expect(await mountOf('/x').stat()).toEqual({ exists: true, sizeBytes: BYTES.byteLength, ready: true, access: 'sequential' })
      const opened = await mountOf('/x').open()
      expect(opened).toMatchObject({ access: 'sequential', resumable: false, identity: { kind: 'version', tag: '"v1"', sizeBytes: BYTES.byteLength } })
      if (opened.access === 'sequential') expect(() => opened.stream(1)).toThrow(RangeError)
    })

    it('is copied once, then read at any place', async () => {
      const transients = createMemoryDirectory()
      for (const etag of ['"v1"', undefined]) {
        web.files.set('/x', { bytes: BYTES, etag })
        const source = await (await openTransients({ directory: transients })).open(mountOf('/x'), { key: 'k', generation: 0 })
        expect(await source.read(99_999, 1)).toEqual(BYTES.slice(99_999))
        await source.close()
      }
      // opening asks twice each time; the bytes came once; without a tag the length is asked for once more
      expect(web.log.length).toBe(2 + 1 + 2 + 2)
    })

    it('D25: refuses an answer that ends early', async () => {
      const opened = await mountOf('/x').open()
      web.intercept = (_, response) => {
        response.writeHead(200, { 'content-length': BYTES.byteLength, etag: '"v1"' }).write(BYTES.subarray(0, 10), () => { response.destroy() })
        return true
      }
      if (opened.access !== 'sequential') throw new Error('not sequential')
      const read = async (): Promise<void> => { for await (const chunk of opened.stream(0)) expect(chunk.byteLength).toBeLessThanOrEqual(10) }
      await expect(read()).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later' })
    })

    it('D25: refuses another version than the one that was opened', async () => {
      const opened = await mountOf('/x').open()
      web.files.set('/x', { bytes: BYTES.subarray(1), etag: '"v2"' })
      if (opened.access !== 'sequential') throw new Error('not sequential')
      await expect(opened.stream(0)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED' })
    })

    it('does not take the length of an encoded answer for that of the bytes', async () => {
      const zipped = gzipSync(BYTES)
      web.intercept = (_, response) => { response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.byteLength, etag: '"v1"' }).end(zipped); return true }
      expect(await mountOf('/x').stat()).toMatchObject({ exists: true, sizeBytes: undefined, access: 'sequential' })
      const transients = await openTransients({ directory: createMemoryDirectory() })
      const source = await transients.open(mountOf('/x'), { key: 'k', generation: 0 })
      expect(await source.read(0, source.sizeBytes)).toEqual(BYTES)
      await source.close()
      await transients.close()
    })

    it('does not take encoded bytes for the bytes', async () => {
      web.intercept = (_, response) => { response.writeHead(200, { 'content-encoding': 'x-other', 'content-length': 5 }).end('12345'); return true }
      await expect(mountOf('/x').open()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'never' })
    })

    it('lets the connection go when its reader stops early', async () => {
      web.files.set('/big', { bytes: new Uint8Array(8_000_000), etag: undefined })
      const opened = await mountOf('/big').open()
      if (opened.access !== 'sequential') throw new Error('not sequential')
      let closed = false
      web.intercept = (_, response) => { response.on('close', () => { closed = true }); return false }
      for await (const chunk of opened.stream(0)) {
        expect(chunk.byteLength).toBeGreaterThan(0)
        break
      }
      while (!closed) await new Promise((resolve) => { setImmediate(resolve) })
    })
  })

  describe('copied by ranges', () => {
    const LARGE = Uint8Array.from({ length: 3 << 20 }, (_, at) => (at * 7 + (at >>> 8)) & 0xff)
    const OTHER = LARGE.map((byte) => byte ^ 1)
    const wholeOf = async (directory: Directory, etag: string | undefined, bytes: Uint8Array): Promise<Uint8Array> => {
      web.files.set('/large', { bytes, etag })
      const transients = await openTransients({ directory })
      try {
        const source = await transients.open(sequential(mountOf('/large')), { key: 'k', generation: 0 })
        const copied = await source.read(0, source.sizeBytes)
        await source.close()
        return copied
      } finally {
        await transients.close()
      }
    }
    /** The server gives up behind the first MiB, and with it the process. */
    const begun = async (etag: string | undefined): Promise<Directory> => {
      const directory = createMemoryDirectory()
      web.intercept = (request, response) => {
        if (Number(/^bytes=(\d+)-/u.exec(request.headers.range ?? '')?.[1]) < 1 << 20) return false
        response.writeHead(503).end()
        return true
      }
      await expect(wholeOf(directory, etag, LARGE)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later' })
      web.intercept = undefined
      web.log.length = 0
      return directory
    }
    const startsOf = (): number[] => web.log.map((line) => Number(/bytes=(\d+)-/u.exec(line)?.[1])).filter((at) => at > 0)

    it('is gone on with where the tag is the same', async () => {
      expect(Buffer.compare(await wholeOf(await begun('"1"'), '"1"', LARGE), LARGE)).toBe(0)
      expect(Math.min(...startsOf())).toBeGreaterThanOrEqual(1 << 19)
    })

    it.each([
      { why: 'has another tag', before: '"1"', now: '"2"' },
      { why: 'has the same weak tag', before: 'W/"1"', now: 'W/"1"' },
      { why: 'no longer has a tag', before: '"1"', now: undefined },
      { why: 'never had one', before: undefined, now: undefined },
    ])('is begun anew, and holds no byte of the old, when the resource $why', async ({ before, now }) => {
      expect(Buffer.compare(await wholeOf(await begun(before), now, OTHER), OTHER)).toBe(0)
    })

    it.each([
      { what: 'the whole in place of a range', status: 200, headers: {}, code: 'IO_SOURCE_LOST' },
      { what: 'that the range is behind the end', status: 416, headers: { 'content-range': 'bytes */10' }, code: 'IO_SOURCE_CHANGED' },
      { what: 'another range', status: 206, headers: { 'content-range': `bytes 0-9/${3 << 20}`, etag: '"1"' }, code: 'IO_SOURCE_LOST' },
      { what: 'another length', status: 206, headers: { 'content-range': 'bytes 1048576-2097151/2097152', etag: '"1"' }, code: 'IO_SOURCE_CHANGED' },
    ])('is not taken from a server that answers $what', async ({ status, headers, code }) => {
      web.intercept = (request, response) => {
        if (Number(/^bytes=(\d+)-/u.exec(request.headers.range ?? '')?.[1]) < 1 << 20) return false
        response.writeHead(status, headers).end(status === 416 ? undefined : 'x'.repeat(10))
        return true
      }
      const directory = createMemoryDirectory()
      await expect(wholeOf(directory, '"1"', LARGE)).rejects.toMatchObject({ code })
      web.intercept = undefined
      expect(Buffer.compare(await wholeOf(directory, '"1"', LARGE), LARGE)).toBe(0)
    })
  })
})
