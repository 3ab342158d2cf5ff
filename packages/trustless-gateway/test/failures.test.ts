import { asciiText, subdirTwoFiles } from '@dagstore-tooling/fixtures/gateway'
import { DagError, type DagErrorCode, MissingBlockError } from '@dagstore/dag'
import { BlockNotFoundError, BlockstoreError, type BlockstoreErrorCode, ReadOnlyError } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { answerOfError, codeOf } from '../src/failures.ts'
import { createGateway, GatewayRefusal } from '../src/index.ts'
import { ask } from './asking.ts'
import { openTestStore } from './conformance/store.ts'

const cid = CID.decode(asciiText.block.cid)
const textOf = (body: unknown): string => new TextDecoder().decode(body as Uint8Array)

const STATUSES: Readonly<Record<DagErrorCode | BlockstoreErrorCode, number>> = {
  BLOCKSTORE_NOT_FOUND: 404, BLOCKSTORE_CLOSED: 503, BLOCKSTORE_HASH_MISMATCH: 502, BLOCKSTORE_UNREADABLE: 502, BLOCKSTORE_UNKNOWN_HASH: 501, BLOCKSTORE_TOO_LARGE: 403,
  BLOCKSTORE_READ_ONLY: 500,
  DAG_BAD_BLOCK: 404, DAG_BAD_UNIXFS: 404, DAG_BAD_PATH: 400, DAG_NO_LINK: 404, DAG_NOT_DIRECTORY: 404, DAG_NOT_FILE: 404, DAG_OUTSIDE: 400, DAG_BLOCK_TOO_LARGE: 403, DAG_TOO_DEEP: 403,
  DAG_TOO_MANY_BLOCKS: 403, DAG_TOO_MANY_BYTES: 403, DAG_TOO_MANY_CIDS: 403, DAG_TOO_MANY_LINKS: 403, DAG_HASH_MISMATCH: 502, DAG_UNKNOWN_CODEC: 501, DAG_UNKNOWN_HASH: 501,
}

const errorOf = (code: string): Error => {
  if (code === 'BLOCKSTORE_NOT_FOUND') return new BlockNotFoundError(cid)
  if (code === 'BLOCKSTORE_READ_ONLY') return new ReadOnlyError('/secret/path')
  return code.startsWith('DAG_') ? new DagError(code as DagErrorCode, '/secret/path', cid) : new BlockstoreError(code as BlockstoreError['code'], '/secret/path')
}

describe('an error before an answer', () => {
  it.each(Object.entries(STATUSES))('of code %s is %i, in words of ours', (code, status) => {
    const { headers, body, ...answer } = answerOfError(errorOf(code), false)
    expect(answer.status).toBe(status)
    expect(headers).toMatchObject({ 'x-error-code': code, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'access-control-allow-origin': '*' })
    expect(headers['retry-after'] !== undefined).toBe(status === 502 || status === 503)
    expect(textOf(body)).toMatch(/^[A-Z][^\n/]+\.\n$/)
    expect(headers['content-length']).toBe(`${(body as Uint8Array).byteLength}`)
  })

  it.each([[new Error('/secret/path')], ['a string'], [undefined], [null], [{ code: 'toString' }], [{ code: 7 }], [Object.assign(new Error('ENOENT /secret'), { code: 'ENOENT' })]])('of no code of ours is 500: %s', (error) => {
    const { status, headers, body } = answerOfError(error, false)
    expect([status, headers['x-error-code']]).toEqual([500, 'GATEWAY_FAULT'])
    expect(textOf(body)).not.toContain('secret')
    expect(codeOf(error)).toBe('GATEWAY_FAULT')
  })

  it('of a refusal is what it says, with the time to wait', () => {
    const { status, headers, body } = answerOfError(new GatewayRefusal('GATEWAY_BUSY', 503, 'Too busy.', { retryAfterS: 7 }), false)
    expect([status, headers['retry-after'], headers['x-error-code'], textOf(body)]).toEqual([503, '7', 'GATEWAY_BUSY', 'Too busy.\n'])
    expect(answerOfError(new GatewayRefusal('GATEWAY_NO_FORMAT', 400, 'Which?'), false).headers['retry-after']).toBeUndefined()
    expect(answerOfError(new GatewayRefusal('GATEWAY_TIMEOUT', 503, 'Too long.'), false).headers['retry-after']).toBe('10')
  })

  it('of a foreign store that has not got the block is 404', () => {
    const absent = Object.assign(new Error('/secret/path'), { name: 'NotFoundError', code: 'ERR_NOT_FOUND' })
    expect(answerOfError(absent, false)).toMatchObject({ status: 404, headers: { 'x-error-code': 'BLOCKSTORE_NOT_FOUND' } })
  })

  it('of what may be in shards without an index is 503, whoever tells it', () => {
    const missed = [new BlockNotFoundError(cid, { unindexedShards: 1 }), new MissingBlockError(cid, { cause: undefined, unindexedShards: 2, parent: undefined, depth: 0, where: undefined })]
    for (const error of missed) expect(answerOfError(error, false)).toMatchObject({ status: 503, headers: { 'x-error-code': 'GATEWAY_UNINDEXED', 'retry-after': '10' } })
  })
})

describe('an error of the store at any read', () => {
  const target = `/ipfs/${CID.decode(subdirTwoFiles.block.cid)}`

  it.each([
    { code: 'BLOCKSTORE_UNREADABLE', status: 502 }, { code: 'BLOCKSTORE_CLOSED', status: 503 }, { code: 'BLOCKSTORE_NOT_FOUND', status: 404 }, { code: 'none', status: 500 },
  ])('is told before the answer, or breaks it off, and holds nothing: $code', async ({ code, status }) => {
    const store = openTestStore()
    const gateway = createGateway({ blockstore: store, limits: { client: { requests: 1, waiting: 0 } } })
    for (const path of ['?format=raw', '?format=car', '/subdir?format=car', '/subdir/ascii.txt?format=car', '?format=car&dag-scope=entity']) {
      let reads = 0
      store.before = () => { reads++ }
      expect(await ask(gateway, `${target}${path}`)).toMatchObject({ status: 200, failure: undefined })
      const all = reads
      for (let bad = 0; bad < all; bad++) {
        reads = 0
        store.before = () => { if (reads++ === bad) throw code === 'none' ? new Error('odd') : errorOf(code) }
        const told = await ask(gateway, `${target}${path}`)
        if (told.status === 200) expect(told.failure, `${path} ${bad}`).toBeInstanceOf(Error)
        else expect(told.status, `${path} ${bad}`).toBe(status)
        if (bad === 0) expect(told.status).toBe(status)
      }
    }
  })
})
