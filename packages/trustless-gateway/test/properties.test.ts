import { asciiText, cborDirectory, multiblockText, oddDirectory, shardedDirectory, subdirMixedFiles, threeBlockFile } from '@dagstore-tooling/fixtures/gateway'
import { CarBufferReader } from '@ipld/car/buffer-reader'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createGateway } from '../src/index.ts'
import { ask } from './asking.ts'
import { openTestStore } from './conformance/store.ts'

const roots = [asciiText, cborDirectory, multiblockText, oddDirectory, subdirMixedFiles, threeBlockFile, shardedDirectory].map(({ block }) => CID.decode(block.cid))

/** Those that docs/gateway.md names. */
const STATUSES = new Set([200, 204, 206, 304, 400, 403, 404, 405, 406, 412, 416, 499, 501, 502, 503])

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const names = oneOf('subdir', 'ascii.txt', 'hello.txt', 'multiblock.txt', 'document', 'files', 'single', '685.txt', '0', '..', '.', '', 'a b', '%2F', '%', '%ff', '%2e%2e', 'ä', '\n', '..%2f')
const cidTexts = fc.oneof(
  oneOf(...roots).map(String), oneOf(...roots).map((cid) => cid.toString().toUpperCase()), oneOf('bafkqaaa', 'bafkqaddjnzzxazldoqwxizltoq', '', 'none', 'QmPKt7ptM2ZYSGPUc8PmPT2VBkLDK3iqpG9TBJY7PCE9rF'),
  fc.string(), fc.tuple(oneOf(...roots).map(String), fc.nat(58), fc.string({ maxLength: 2, unit: 'grapheme' }), oneOf(encodeURIComponent, String)).map(([text, at, insert, encode]) => text.slice(0, at) + encode(insert) + text.slice(at + 1)),
)
const parameters = fc.oneof(
  oneOf('format=raw', 'format=car', 'format=tar', 'format=', 'format', 'car-version=1', 'car-version=2', 'car-dups=y', 'car-dups=n', 'car-order=dfs', 'car-order=unk', 'dag-scope=block', 'dag-scope=entity', 'dag-scope=all', 'dag-scope=x', 'filename=%', 'filename=a%00b', 'download=true'),
  fc.tuple(oneOf('', '-'), fc.bigInt({ min: 0n, max: 10n ** 20n }), oneOf(':', ':-', '-'), fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String), oneOf('*', ''))).map((parts) => `entity-bytes=${parts.join('')}`),
  fc.string(),
)
const targets = fc.tuple(cidTexts, fc.array(names, { maxLength: 4 }), fc.array(parameters, { maxLength: 4 }))
  .map(([cid, path, query]) => `/ipfs/${[cid, ...path].join('/')}${query.length === 0 ? '' : `?${query.join('&')}`}`)
const headers = fc.record({
  'accept': fc.oneof(oneOf('application/vnd.ipld.raw', 'application/vnd.ipld.car', 'application/vnd.ipld.car;dups=y;version=1', '*/*', 'text/html', 'application/vnd.ipld.car;q=0, */*;q=0.1'), fc.string()),
  'range': fc.oneof(oneOf('bytes=0-4', 'bytes=-5', 'bytes=99999-', 'bytes=0-1,3-4', 'bytes=4-0'), fc.string()),
  'if-range': fc.string(),
  'if-none-match': fc.oneof(oneOf('*', '"x"', ...roots.map((cid) => `"${cid}.raw"`), ...roots.map((cid) => `W/"${cid}.car"`)), fc.string()),
  'cache-control': oneOf('only-if-cached', 'no-cache', 'max-age=0, only-if-cached'),
}, { requiredKeys: [] })
const methods = fc.oneof({ weight: 5, arbitrary: oneOf('GET') }, oneOf('HEAD', 'OPTIONS', 'POST', 'get', ''))

describe('whatever is asked', () => {
  it('is answered with a status that is documented, whole and with headers that are some', async () => {
    const store = openTestStore()
    const gateway = createGateway({ blockstore: store, limits: { request: { maxBlocks: 3000 } } })
    await fc.assert(fc.asyncProperty(targets, headers, methods, async (target, asked, method) => {
      const { status, headers: got, bytes, failure } = await ask(gateway, target, { method, headers: asked as Record<string, string> })
      expect(STATUSES).toContain(status)
      for (const [name, value] of Object.entries(got)) {
        expect(name).toMatch(/^[a-z-]+$/)
        expect(value).toMatch(/^[\x20-\x7e]*$/)
      }
      expect(got['x-error-code'] !== undefined).toBe(status >= 400)
      if (method === 'HEAD') expect(bytes.byteLength).toBe(0)
      else if (got['content-length'] !== undefined) expect(bytes.byteLength).toBe(Number(got['content-length']))
      if (status === 200 && method === 'GET' && got['content-type']?.includes('.car') === true) {
        // one file of the fixtures lacks a block
        if (failure === undefined) expect(CarBufferReader.fromBytes(bytes).getRoots()).toHaveLength(1)
        else expect(failure).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
      }
    }), { seed: 29, numRuns: 1500 })
  })

  it('is answered in the form of the web too', async () => {
    const gateway = createGateway({ blockstore: openTestStore() })
    await fc.assert(fc.asyncProperty(targets, oneOf('GET', 'HEAD', 'OPTIONS', 'DELETE'), async (target, method) => {
      let request: Request
      try {
        request = new Request(`http://gateway.example${target}`, { method })
      } catch {
        return // no URL
      }
      const response = await gateway(request)
      expect(STATUSES).toContain(response.status)
      await response.arrayBuffer().catch(() => {}) // broken off
    }), { seed: 31, numRuns: 300 })
  })
})

describe('the same question', () => {
  it('has the same answer, and the same tag only with the same bytes', async () => {
    const gateway = createGateway({ blockstore: openTestStore() })
    const known = new Map<string, string>()
    const questions = fc.tuple(oneOf(...roots), fc.array(oneOf('subdir', 'multiblock.txt', 'ascii.txt'), { maxLength: 2 }), fc.subarray(['dag-scope=block', 'dag-scope=entity', 'entity-bytes=0:300', 'entity-bytes=-10:*', 'car-dups=y', 'car-order=unk']))
    await fc.assert(fc.asyncProperty(questions, async ([root, path, query]) => {
      const { status, headers: { etag = '' }, bytes, failure } = await ask(gateway, `/ipfs/${[root, ...path].join('/')}?format=car&${query.join('&')}`)
      if (status !== 200 || failure !== undefined) return
      const body = Buffer.from(bytes).toString('base64')
      expect(known.get(etag) ?? body).toBe(body)
      known.set(etag, body)
    }), { seed: 37, numRuns: 300 })
    expect(known.size).toBeGreaterThan(30)
  })
})
