/** What answers say of themselves, and what asking under a condition saves. */
import { asciiText, duplicateFiles, multiblockText, rawNode, subdirTwoFiles } from '@dagstore-tooling/fixtures/gateway'
import { expect, it } from 'vitest'
import { cidOf, cidsOf, inEveryForm, withPlace } from './harness.ts'
import { openTestStore } from './store.ts'

const RAW = 'application/vnd.ipld.raw'
const CAR = 'application/vnd.ipld.car'
const absent = cidOf(rawNode(new TextEncoder().encode('nobody has it')))
const text = cidOf(asciiText)
const directory = cidOf(subdirTwoFiles)

inEveryForm('Etag', (form) => {
  it('differs by all that changes the body, and by nothing else', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const tags = async (targets: readonly string[], headers: Readonly<Record<string, string>> = {}): Promise<(string | undefined)[]> => {
        const out: (string | undefined)[] = []
        for (const target of targets) out.push((await place.ask(`/ipfs/${target}`, { headers })).headers['etag'])
        return out
      }
      const file = cidOf(multiblockText)
      const differing = await tags([
        `${file}?format=raw`, ...['', '&dag-scope=block', '&dag-scope=entity', '&entity-bytes=0:*', '&entity-bytes=0:1', '&entity-bytes=1:1', '&car-dups=y'].map((more) => `${file}?format=car${more}`),
        `${directory}/subdir?format=car`, `${directory}/subdir/ascii.txt?format=car`, `${directory}?format=car`,
      ])
      expect(new Set(differing).size).toBe(differing.length)
      expect(differing).not.toContain(undefined)
      const same = [...await tags([`${file}?format=car`, `${file}?format=car&car-order=dfs`, `${file}?format=car&filename=x.car`, `${file}?format=car&car-dups=n`, `${file}?format=car&dag-scope=all`]), ...await tags([file], { accept: `${CAR}; order=dfs; dups=n` })]
      expect(new Set(same).size).toBe(1)
    })
  })

  it.each([
    { of: 'a raw block', target: `/ipfs/${text}?format=raw` },
    { of: 'a CAR', target: `/ipfs/${text}?format=car&car-dups=y` },
  ])('spares the body of $of to those who have it', async ({ target }) => {
    const blockstore = openTestStore()
    await withPlace(form, { blockstore }, async (place) => {
      const { etag = '' } = (await place.ask(target)).headers
      blockstore.asked.length = 0
      for (const known of [etag, `"other", ${etag}`, `W/${etag.replace(/^W\//, '')}`, '*']) {
        for (const method of ['GET', 'HEAD']) {
          const { status, headers, body } = await place.ask(target, { method, headers: { 'if-none-match': known } })
          expect({ status, etag: headers['etag'], bytes: body.byteLength }).toEqual({ status: 304, etag, bytes: 0 })
        }
      }
      expect(blockstore.asked).toEqual([])
      expect((await place.ask(target, { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
    })
  })
})

inEveryForm('only-if-cached', (form) => {
  it.each([{ format: 'raw', method: 'GET' }, { format: 'raw', method: 'HEAD' }, { format: 'car', method: 'GET' }, { format: 'car', method: 'HEAD' }])('is 412 for an absent root, and as ever for others: $method $format', async ({ format, method }) => {
    const blockstore = openTestStore()
    await withPlace(form, { blockstore }, async (place) => {
      const headers = { 'cache-control': 'only-if-cached' }
      expect((await place.ask(`/ipfs/${absent}?format=${format}`, { method, headers })).status).toBe(412)
      expect((await place.ask(`/ipfs/${text}?format=${format}`, { method, headers })).status).toBe(200)
      if (method === 'HEAD' && format === 'raw') expect(blockstore.asked).toEqual([])
    })
  })
})

inEveryForm('headers', (form) => {
  it('name the path and its root', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const { headers } = await place.ask(`/ipfs/${directory}/subdir/ascii.txt?format=car`)
      expect(headers['x-ipfs-path']).toBe(`/ipfs/${directory}/subdir/ascii.txt`)
      expect(headers['x-ipfs-roots']?.split(',')[0]).toBe(directory)
    })
  })

  it('name where the same is found without Accept, when that has chosen', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const negotiated = await place.ask(`/ipfs/${cidOf(duplicateFiles)}?dag-scope=entity`, { headers: { accept: `${CAR}; order=dfs; dups=y` } })
      const location = negotiated.headers['content-location'] ?? ''
      expect(location).toMatch(/format=car/)
      const direct = await place.ask(location)
      expect({ type: direct.headers['content-type'], etag: direct.headers['etag'], cids: await cidsOf(direct) })
        .toEqual({ type: negotiated.headers['content-type'], etag: negotiated.headers['etag'], cids: await cidsOf(negotiated) })
      expect((await place.ask(`/ipfs/${text}`, { headers: { accept: RAW } })).headers['content-location']).toBe(`/ipfs/${text}?format=raw`)
      expect(negotiated.headers['vary']?.toLowerCase()).toContain('accept')
    })
  })

  it('let pages of every origin ask, and see what they need', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const preflight = await place.ask(`/ipfs/${text}`, { method: 'OPTIONS', headers: { 'origin': 'https://page.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'range' } })
      expect(preflight.status).toBe(204)
      expect(preflight.headers).toMatchObject({ 'access-control-allow-origin': '*', 'access-control-allow-methods': expect.stringContaining('HEAD'), 'access-control-allow-headers': expect.stringMatching(/range/i) })
      const { headers } = await place.ask(`/ipfs/${text}?format=raw`, { headers: { origin: 'https://page.example' } })
      expect(headers['access-control-allow-origin']).toBe('*')
      for (const name of ['Content-Range', 'X-Ipfs-Path', 'X-Ipfs-Roots', 'Etag']) expect(headers['access-control-expose-headers']?.toLowerCase()).toContain(name.toLowerCase())
    })
  })

  it('of a name to keep it under: any name, in quotes and in UTF-8, and never a way out of them', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      for (const [name, wanted] of [['x.car', /^attachment; filename="x\.car"/], ['ż "q".car', /^attachment; filename="[^"]*"; filename\*=UTF-8''%C5%BC%20%22q%22\.car$/], ['a\r\nset-cookie: b', /^attachment; filename="[^\r\n]*$/]] as const) {
        const { headers } = await place.ask(`/ipfs/${text}?format=car&filename=${encodeURIComponent(name)}`)
        expect(headers['content-disposition']).toMatch(wanted)
        expect(headers['set-cookie']).toBeUndefined()
      }
    })
  })

  it('of all answers together are below the 2 KiB that Kubo takes', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      for (const target of [`/ipfs/${text}?format=raw`, `/ipfs/${directory}/subdir/ascii.txt?format=car`, `/ipfs/${absent}?format=raw`]) {
        const { headers } = await place.ask(target)
        expect(Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)).toBeLessThan(1500)
      }
    })
  })
})

inEveryForm('Range', (form) => {
  const bytes = asciiText.block.data
  it.each([
    { range: 'bytes=0-0', status: 206, from: 0, to: 1 }, { range: 'bytes=10-', status: 206, from: 10, to: 31 }, { range: 'bytes=-5', status: 206, from: 26, to: 31 },
    { range: 'bytes=5-900', status: 206, from: 5, to: 31 }, { range: 'bytes=-900', status: 206, from: 0, to: 31 }, { range: 'rows=1-2', status: 200, from: 0, to: 31 },
    { range: 'bytes=3-1', status: 200, from: 0, to: 31 }, { range: 'bytes=31-', status: 416, from: 0, to: 0 },
  ])('of a raw block: $range', async ({ range, status, from, to }) => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const answered = await place.ask(`/ipfs/${text}?format=raw`, { headers: { range } })
      expect(answered.status).toBe(status)
      if (status === 416) {
        expect(answered.headers['content-range']).toBe('bytes */31')
        return
      }
      expect(answered.body).toEqual(Uint8Array.from(bytes.subarray(from, to)))
      expect(answered.headers['content-range']).toBe(status === 206 ? `bytes ${from}-${to - 1}/31` : undefined)
    })
  })

  it('counts only under the same Etag when If-Range says so', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const { etag = '' } = (await place.ask(`/ipfs/${text}?format=raw`)).headers
      expect((await place.ask(`/ipfs/${text}?format=raw`, { headers: { 'range': 'bytes=0-1', 'if-range': etag } })).status).toBe(206)
      expect((await place.ask(`/ipfs/${text}?format=raw`, { headers: { 'range': 'bytes=0-1', 'if-range': '"other"' } })).status).toBe(200)
    })
  })

  it('counts for nothing with a CAR', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const answered = await place.ask(`/ipfs/${text}?format=car`, { headers: { range: 'bytes=0-9' } })
      expect({ status: answered.status, ranges: answered.headers['accept-ranges'], cids: await cidsOf(answered) }).toEqual({ status: 200, ranges: 'none', cids: [text] })
    })
  })
})
