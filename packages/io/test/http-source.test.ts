import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ByteSource, compareIdentity, IoError } from '../src/index.ts'
import { type HttpSourceOptions, openHttpSource } from '../src/http.ts'
import { parseContentRange } from '../src/http/content-range.ts'
import { type RangeServer, startRangeServer } from './range-server.ts'

const bytes = Uint8Array.from({ length: 10_000 }, (_, at) => at * 7)
const coded = (code: string, retry?: string): unknown => expect.objectContaining(retry === undefined ? { code } : { code, retry })

let server: RangeServer
beforeEach(async () => { server = await startRangeServer(bytes) })
afterEach(() => server[Symbol.asyncDispose]())

/** What the first request brings is kept, so that reads of it say nothing about requests. */
const open = (options?: HttpSourceOptions): Promise<ByteSource> => openHttpSource(server.url, { first: { from: 'start', bytes: 1 }, ...options })

describe('openHttpSource', () => {
  it('reads ranges of the version that was opened', async () => {
    const source = await open()
    expect(source).toMatchObject({ sizeBytes: 10_000, identity: { kind: 'version', tag: '"one"', sizeBytes: 10_000 }, cost: { kind: 'remote' } })
    expect(await source.read(100, 50)).toEqual(bytes.slice(100, 150))
    expect(await source.read(9_999, 1)).toEqual(bytes.slice(9_999))
    expect(await source.read(0, 10_000)).toEqual(bytes)
    expect(server.requests.map(({ range, ifMatch }) => [range, ifMatch])).toEqual([
      ['bytes=0-0', undefined], ['bytes=100-149', '"one"'], ['bytes=9999-9999', '"one"'], ['bytes=0-9999', '"one"'],
    ])
    await source.close()
  })

  it('asks nothing for no bytes, nor for bytes that are not there', async () => {
    const source = await open()
    expect(await source.read(10_000, 0)).toEqual(new Uint8Array(0))
    for (const [at, length] of [[10_000, 1], [-1, 1], [0, 10_001], [0.5, 1]] as const) {
      await expect(source.read(at, length)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
      expect(() => source.peek(at, length)).toThrow(IoError)
    }
    expect(source.peek(0, 10)).toBeUndefined()
    expect(await source.read(0, 1)).toEqual(bytes.slice(0, 1))
    expect(server.requests).toHaveLength(1)
  })

  it('gives memory that belongs to the caller', async () => {
    const source = await open()
    const part = await source.read(10, 20)
    expect(part.buffer.byteLength).toBe(20)
  })

  it('opens an empty resource, however the server says so', async () => {
    server.bytes = new Uint8Array(0)
    expect(await (await open()).read(0, 0)).toEqual(new Uint8Array(0))
    server.answer = (_request, response) => { response.writeHead(200, { 'content-length': 0 }).end() }
    expect((await open()).sizeBytes).toBe(0)
  })

  it('asks for nothing to open what is known, and keeps to that version', async () => {
    const source = await openHttpSource(server.url, { known: { sizeBytes: 10_000, etag: '"one"' } })
    expect(source).toMatchObject({ sizeBytes: 10_000, identity: { kind: 'version', tag: '"one"', sizeBytes: 10_000 } })
    expect(server.requests).toHaveLength(0)
    expect(await source.read(100, 50)).toEqual(bytes.slice(100, 150))
    expect(server.requests.map(({ ifMatch }) => ifMatch)).toEqual(['"one"'])
    server.etag = '"two"'
    await expect(source.read(0, 1)).rejects.toEqual(coded('IO_SOURCE_CHANGED'))
    await expect(openHttpSource(server.url, { known: { sizeBytes: 1 }, first: { from: 'end', bytes: 1 } })).rejects.toThrow(TypeError)
    await expect(openHttpSource(server.url, { known: { sizeBytes: -1 } })).rejects.toThrow(RangeError)
  })

  it.each([
    { what: 'tag', change: () => { server.etag = '"two"' }, asked: [undefined, '"one"', '"one"'] },
    { what: 'weak tag', before: () => { server.etag = 'W/"one"' }, change: () => { server.etag = 'W/"two"' }, asked: [undefined, undefined, undefined] },
    { what: 'date', before: () => { server.etag = undefined; server.lastModified = 'Mon, 01 Jan 2024 00:00:00 GMT' }, change: () => { server.lastModified = 'Tue, 02 Jan 2024 00:00:00 GMT' }, asked: [undefined, undefined, undefined] },
  ])('keeps to the $what of the first answer where none is known', async ({ before, change, asked }) => {
    before?.()
    const source = await openHttpSource(server.url, { known: { sizeBytes: 10_000 } })
    expect(await source.read(5, 5)).toEqual(bytes.slice(5, 10))
    expect(await source.read(50, 5)).toEqual(bytes.slice(50, 55))
    change()
    await expect(source.read(5, 5)).rejects.toEqual(coded('IO_SOURCE_CHANGED'))
    expect(server.requests.map(({ ifMatch }) => ifMatch)).toEqual(asked)
  })

  it('notices that what is known is of another length', async () => {
    const source = await openHttpSource(server.url, { known: { sizeBytes: 9_999 } })
    await expect(source.read(5, 5)).rejects.toEqual(coded('IO_SOURCE_CHANGED'))
  })

  it('sends the headers given, and uses the fetch given', async () => {
    const asked: string[] = []
    const source = await open({ headers: { authorization: 'Bearer abc' }, fetch: (input, init) => { asked.push(String(input)); return fetch(input, init) } })
    await source.read(0, 2)
    expect(server.requests.map(({ authorization }) => authorization)).toEqual(['Bearer abc', 'Bearer abc'])
    expect(asked).toEqual([server.url, server.url])
  })

  it('takes no URL of another scheme, or with credentials', async () => {
    await expect(openHttpSource('ftp://example.org/a')).rejects.toThrow(TypeError)
    await expect(openHttpSource('http://user:secret@example.org/a')).rejects.toThrow(TypeError)
    await expect(openHttpSource('no URL')).rejects.toThrow(TypeError)
  })

  it.each([
    { status: 404, code: 'IO_NOT_FOUND', retry: 'never' },
    { status: 410, code: 'IO_NOT_FOUND', retry: 'never' },
    { status: 401, code: 'IO_FORBIDDEN', retry: 'never' },
    { status: 403, code: 'IO_FORBIDDEN', retry: 'never' },
    { status: 412, code: 'IO_FAILED', retry: 'never' },
    { status: 418, code: 'IO_FAILED', retry: 'never' },
    { status: 429, code: 'IO_FAILED', retry: 'later' },
    { status: 503, code: 'IO_FAILED', retry: 'later' },
  ])('opens nothing when the server answers $status', async ({ status, code, retry }) => {
    server.answer = (_request, response) => { response.writeHead(status).end('a page of words') }
    await expect(open()).rejects.toEqual(coded(code, retry))
  })

  it.each([
    { why: 'the whole resource', status: 200, headers: {} },
    { why: 'no length', status: 206, headers: { 'content-range': 'bytes 0-0/*' } },
    { why: 'no range', status: 206, headers: {} },
    { why: 'another range', status: 206, headers: { 'content-range': 'bytes 5-5/100' } },
    { why: 'a length that is no safe integer', status: 206, headers: { 'content-range': 'bytes 0-0/9999999999999999' } },
    { why: 'encoded bytes', status: 206, headers: { 'content-range': 'bytes 0-0/100', 'content-encoding': 'br' } },
    { why: '416 although there is something', status: 416, headers: { 'content-range': 'bytes */100' } },
    { why: '416 without a length', status: 416, headers: {} },
  ])('refuses a server that gives $why', async ({ status, headers }) => {
    server.answer = (_request, response) => { response.writeHead(status, headers).end('x') }
    await expect(open()).rejects.toEqual(coded('IO_FAILED', 'never'))
  })

  it('says that a server that is not there may come back, without its secrets', async () => {
    await server[Symbol.asyncDispose]()
    const error = await open().catch((caught: unknown) => caught as IoError)
    expect(error).toEqual(coded('IO_FAILED', 'later'))
    expect((error as IoError).message).not.toContain('secret')
    expect((error as IoError).cause).toBeDefined()
  })

  it('notices that the resource changed', async () => {
    const source = await open()
    server.etag = '"two"'
    await expect(source.read(0, 10)).rejects.toEqual(coded('IO_SOURCE_CHANGED'))
  })

  it.each([
    { what: 'another weak ETag', before: { etag: 'W/"one"' }, after: { etag: 'W/"two"' } },
    { what: 'another time', before: { etag: undefined, lastModified: 'Sun, 22 Nov 2026 10:00:00 GMT' }, after: { lastModified: 'Sun, 22 Nov 2026 10:00:01 GMT' } },
    { what: 'another length', before: { etag: undefined }, after: { bytes: bytes.subarray(1) } },
    { what: 'no byte there any more', before: { etag: undefined }, after: { bytes: bytes.subarray(0, 50) } },
  ])('notices a change without a strong ETag by $what', async ({ before, after }) => {
    Object.assign(server, before)
    const source = await open()
    expect(source.identity.kind).toBe('file')
    expect(compareIdentity(source.identity, (await open()).identity)).toBe('unknown')
    expect(await source.read(100, 10)).toEqual(bytes.slice(100, 110))
    Object.assign(server, after)
    await expect(source.read(100, 10)).rejects.toEqual(coded('IO_SOURCE_CHANGED'))
  })

  it.each([
    { status: 404, retry: 'never' },
    { status: 403, retry: 'never' },
    { status: 200, retry: 'never' },
    { status: 500, retry: 'later' },
  ])('loses the source when a read is answered $status', async ({ status, retry }) => {
    const source = await open()
    server.answer = (_request, response) => { response.writeHead(status, { 'content-length': 1 }).end('x') }
    await expect(source.read(0, 10)).rejects.toEqual(coded('IO_SOURCE_LOST', retry))
    server.answer = undefined
    expect(await source.read(0, 10)).toEqual(bytes.slice(0, 10))
  })

  it('takes no other range than it asked for', async () => {
    const source = await open()
    server.answer = (_request, response) => { response.writeHead(206, { 'content-range': 'bytes 0-4/10000', etag: '"one"' }).end('12345') }
    await expect(source.read(0, 10)).rejects.toEqual(coded('IO_SOURCE_LOST'))
  })

  it('takes no more and no fewer bytes than the range has', async () => {
    const source = await open()
    const headers = { 'content-range': 'bytes 0-9/10000', etag: '"one"' }
    server.answer = (_request, response) => { response.writeHead(206, headers).end('12345') }
    await expect(source.read(0, 10)).rejects.toEqual(coded('IO_TRUNCATED'))
    server.answer = (_request, response) => { response.writeHead(206, headers).end('12345678901') }
    await expect(source.read(0, 10)).rejects.toEqual(coded('IO_SOURCE_LOST'))
  })

  it('says that a broken connection may be mended', async () => {
    const source = await open()
    server.answer = (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-9/10000', 'content-length': 10, etag: '"one"' }).write('12345', () => { response.destroy() })
    }
    await expect(source.read(0, 10)).rejects.toEqual(coded('IO_SOURCE_LOST', 'later'))
  })

  it('rejects with the reason of a signal: before, while it waits, and in the body', async () => {
    const reason = new Error('enough')
    await expect(open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const source = await open()
    await expect(source.read(0, 10, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(server.requests).toHaveLength(1)

    const waiting = new AbortController()
    server.answer = () => { waiting.abort(reason) }
    await expect(source.read(0, 10, { signal: waiting.signal })).rejects.toBe(reason)

    const reading = new AbortController()
    server.answer = (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-9/10000', 'content-length': 10, etag: '"one"' }).write('12345', () => { setTimeout(() => reading.abort(reason), 5) })
    }
    await expect(source.read(0, 10, { signal: reading.signal })).rejects.toBe(reason)
  })

  it('lets reads under way finish when it is closed, and refuses later ones', async () => {
    const source = await open()
    const under = source.read(0, 10)
    const closing = Promise.all([source.close(), source.close(), source[Symbol.asyncDispose]()])
    await expect(source.read(0, 10)).rejects.toEqual(coded('IO_CLOSED'))
    expect(() => source.peek(0, 1)).toThrow(IoError)
    expect(await under).toEqual(bytes.slice(0, 10))
    await closing
  })
})

describe('the first request', () => {
  it('brings the first bytes, which then cost nothing, or the last ones', async () => {
    for (const [first, at] of [[undefined, 0], [{ from: 'start', bytes: 4096 }, 0], [{ from: 'end', bytes: 4096 }, 10_000 - 4096]] as const) {
      server.requests.length = 0
      const source = await openHttpSource(server.url, first === undefined ? {} : { first })
      expect(await source.read(at, 4096)).toEqual(bytes.slice(at, at + 4096))
      const part = await source.read(at + 10, 20)
      expect([part, part.buffer.byteLength]).toEqual([bytes.slice(at + 10, at + 30), 20])
      expect(source.peek(at + 4000, 96)).toEqual(bytes.slice(at + 4000, at + 4096))
      expect(source.peek(at === 0 ? at + 4000 : at - 1, 97)).toBeUndefined()
      expect(server.requests).toHaveLength(1)
      await source.close()
      expect(() => source.peek(at, 1)).toThrow(expect.objectContaining({ code: 'IO_CLOSED' }) as Error)
    }
  })

  it('brings all of what is shorter than that', async () => {
    for (const from of ['start', 'end'] as const) {
      const source = await openHttpSource(server.url, { first: { from, bytes: 1 << 20 } })
      expect(source.peek(0, 10_000)).toEqual(bytes)
    }
    server.bytes = new Uint8Array(0)
    for (const from of ['start', 'end'] as const) expect((await openHttpSource(server.url, { first: { from, bytes: 10 } })).sizeBytes).toBe(0)
  })

  it('is made again from the start where a server knows no ranges from the end', async () => {
    server.answer = (request, response) => {
      if (request.headers.range === 'bytes=-10') response.writeHead(200).end(bytes)
      else response.writeHead(206, { 'content-range': 'bytes 0-0/10000', etag: '"one"' }).end('x')
    }
    expect(await openHttpSource(server.url, { first: { from: 'end', bytes: 10 } })).toMatchObject({ sizeBytes: 10_000 })
    expect(server.requests.map(({ range }) => range)).toEqual(['bytes=-10', 'bytes=0-0'])
  })

  it('is made again from the start where a server says that a range from the end is none', async () => {
    server.answer = (request, response) => {
      if (request.headers.range === 'bytes=-10') response.writeHead(416, { 'content-range': 'bytes */10000' }).end()
      else response.writeHead(206, { 'content-range': 'bytes 0-0/10000', etag: '"one"' }).end('x')
    }
    expect(await openHttpSource(server.url, { first: { from: 'end', bytes: 10 } })).toMatchObject({ sizeBytes: 10_000 })
  })

  it('is refused when it brings other bytes than asked', async () => {
    for (const range of ['0-8', '1-9', '0-10']) {
      server.answer = (_request, response) => { response.writeHead(206, { 'content-range': `bytes ${range}/100`, etag: '"one"' }).end('x'.repeat(20)) }
      await expect(openHttpSource(server.url, { first: { from: 'start', bytes: 10 } })).rejects.toEqual(coded('IO_FAILED'))
      await expect(openHttpSource(server.url, { first: { from: 'end', bytes: 10 } })).rejects.toEqual(coded('IO_FAILED'))
    }
    for (const bytes of [0, -1, 1.5]) await expect(openHttpSource(server.url, { first: { from: 'start', bytes } })).rejects.toThrow(RangeError)
  })

  it('asks for bytes that are not encoded', async () => {
    const encodings: (string | undefined)[] = []
    server.answer = (request, response) => {
      encodings.push(request.headers['accept-encoding'] as string | undefined)
      response.writeHead(206, { 'content-range': 'bytes 0-0/1', etag: '"one"', 'content-encoding': 'gzip' }).end('x')
    }
    await expect(open()).rejects.toEqual(coded('IO_FAILED', 'never'))
    expect(encodings).toEqual([expect.stringMatching(/^identity(, identity)?$/u)])
  })
})

describe('retryAfterMs', () => {
  it.each([
    ['3', undefined, 3000],
    ['Sun, 22 Nov 2026 10:00:05 GMT', 'Sun, 22 Nov 2026 10:00:00 GMT', 5000],
    ['Sun, 22 Nov 2026 09:00:00 GMT', 'Sun, 22 Nov 2026 10:00:00 GMT', 0],
    ['soon', undefined, undefined],
    [undefined, undefined, undefined],
  ])('of Retry-After %j', async (after, date, expected) => {
    const source = await open()
    server.answer = (_request, response) => { response.writeHead(503, { ...(after === undefined ? {} : { 'retry-after': after }), ...(date === undefined ? {} : { date }) }).end() }
    await expect(source.read(0, 10)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later', retryAfterMs: expected })
    await expect(open()).rejects.toMatchObject({ code: 'IO_FAILED', retry: 'later', retryAfterMs: expected })
  })
})

describe('reads at the same time', () => {
  const big = Uint8Array.from({ length: 3 << 20 }, (_, at) => (at * 7 + (at >> 9)) & 0xff)
  const ranges = (): (string | undefined)[] => server.requests.slice(1).map(({ range }) => range)

  it('become one request where they overlap or lie close together', async () => {
    server.bytes = big
    const source = await open()
    const spans = [[5000, 100], [100, 200], [150, 10], [250, 1000], [2_000_000, 5], [2_000_005, 5], [270_000, 10]] as const
    const parts = await Promise.all(spans.map(([at, length]) => source.read(at, length)))
    for (const [i, [at, length]] of spans.entries()) {
      expect(parts[i]).toEqual(big.slice(at, at + length))
      expect(parts[i]!.buffer.byteLength).toBe(length)
    }
    expect(ranges()).toEqual(['bytes=100-5099', 'bytes=270000-270009', 'bytes=2000000-2000009'])
  })

  it('wait for what is on its way already', async () => {
    server.bytes = big
    const source = await open()
    const first = source.read(1000, 1000)
    await Promise.resolve()
    await Promise.resolve()
    expect(await Promise.all([source.read(1500, 100), source.read(1900, 101), first])).toEqual([big.slice(1500, 1600), big.slice(1900, 2001), big.slice(1000, 2000)])
    expect(ranges()).toEqual(['bytes=1000-1999', 'bytes=1900-2000'])
  })

  it('fail together when their request does, and are asked for again only by their callers', async () => {
    const source = await open()
    server.answer = (_request, response) => { response.writeHead(500).end() }
    for (const outcome of await Promise.allSettled([source.read(0, 10), source.read(20, 10)])) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'IO_SOURCE_LOST', retry: 'later' } })
    }
    server.answer = undefined
    expect(await Promise.all([source.read(0, 10), source.read(20, 10)])).toEqual([bytes.slice(0, 10), bytes.slice(20, 30)])
    expect(ranges()).toEqual(['bytes=0-29', 'bytes=0-29'])
  })

  it('go on for the others when one is given up, and end when all are', async () => {
    const source = await open()
    let ended = 0
    server.answer = (request) => { request.on('close', () => { ended++ }) }
    const reason = new Error('enough')
    const [one, other, late] = [new AbortController(), new AbortController(), new AbortController()]
    const reads = [source.read(0, 10, { signal: one.signal }), source.read(5, 10, { signal: other.signal })]
    const outcomes = reads.map((read) => read.then(() => 'bytes', (error: unknown) => error))
    await new Promise((resolve) => { setTimeout(resolve, 30) })
    const joined = source.read(7, 2, { signal: late.signal }).then(() => 'bytes', (error: unknown) => error)
    one.abort(reason)
    other.abort(reason)
    expect(await Promise.all(outcomes)).toEqual([reason, reason])
    expect(ended).toBe(0)
    late.abort(reason)
    expect(await joined).toBe(reason)
    while (ended === 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
    expect(ranges()).toEqual(['bytes=0-14'])
    server.answer = undefined
    expect(await source.read(7, 2)).toEqual(bytes.slice(7, 9))
  })
})

describe('parseContentRange', () => {
  it.each([
    ['bytes 0-99/1234', { range: { start: 0, end: 100 }, sizeBytes: 1234 }],
    ['Bytes 5-5/6', { range: { start: 5, end: 6 }, sizeBytes: 6 }],
    ['bytes */0', { range: undefined, sizeBytes: 0 }],
    ['bytes 5-4/6', undefined],
    ['bytes 0-6/6', undefined],
    ['bytes 0-0/*', undefined],
    ['items 0-0/6', undefined],
    ['bytes -1-0/6', undefined],
    ['', undefined],
    [null, undefined],
  ])('reads %j', (header, expected) => {
    expect(parseContentRange(header)).toEqual(expected)
  })
})
