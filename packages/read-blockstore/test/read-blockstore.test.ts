import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { CID as CID13 } from 'multiformats-13/cid'
import { CID as CID9 } from 'multiformats-9/cid'
import { describe, expect, it } from 'vitest'
import { type AnyCid, BlockNotFoundError, BlockstoreError, hasBytes, hasRanges, hasSizes, readBlock, ReadOnlyError, toCid } from '../src/index.ts'
import { openReferenceStore } from './reference-store.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const cid = CID.parse('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e') // "hello world"
const v0 = CID.parse('QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u')
const inline = CID.createV1(0x55, create(0, text('inline')))

describe('toCid', () => {
  it('gives CIDs of this multiformats back as they are', () => {
    expect(toCid(cid)).toBe(cid)
    expect(toCid(v0)).toBe(v0)
  })

  it.each([
    { from: 'multiformats 13', parse: (text: string): AnyCid => CID13.parse(text) },
    { from: 'multiformats 9', parse: (text: string): AnyCid => CID9.parse(text) },
    { from: 'bytes', parse: (text: string): AnyCid => CID.parse(text).bytes },
    { from: 'bytes in a Buffer', parse: (text: string): AnyCid => Buffer.from(CID.parse(text).bytes) },
  ])('turns CIDs from $from into ours', ({ parse }) => {
    for (const original of [cid, v0, inline]) {
      const own = toCid(parse(original.toString()))
      expect(own).toBeInstanceOf(CID)
      expect(own).toEqual(original)
      expect(own.equals(original)).toBe(true)
    }
  })

  it.each([
    ['no bytes', new Uint8Array(0)],
    ['bytes that end early', cid.bytes.subarray(0, -1)],
    ['bytes with something behind', Uint8Array.from([...cid.bytes, 0])],
    ['a text', cid.toString()],
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['an object without the fields of a CID', { code: 1 }],
  ])('refuses %s', (_what, value) => {
    expect(() => toCid(value as AnyCid)).toThrow(TypeError)
  })
})

describe('readBlock', () => {
  const chunked = (...chunks: Uint8Array[]): { get: () => AsyncGenerator<Uint8Array> } => ({ get: async function * () { yield * chunks } })

  it('joins the chunks of a store, of both kinds of generator', async () => {
    expect(await readBlock(chunked(), cid)).toEqual(new Uint8Array(0))
    expect(await readBlock(chunked(text('hello world')), cid)).toEqual(text('hello world'))
    expect(await readBlock(chunked(text('hello'), text(''), text(' world')), cid)).toEqual(text('hello world'))
    expect(await readBlock({ get: function * () { yield text('hel'); yield text('lo') } }, cid)).toEqual(text('hello'))
  })

  it('gives memory that belongs to the caller', async () => {
    const kept = text('hello world')
    const first = await readBlock(chunked(kept), cid)
    first.fill(0)
    expect(kept).toEqual(text('hello world'))
    const large = Buffer.from('..hello world..').subarray(2, 13)
    const second = await readBlock(chunked(large), cid)
    second.fill(0)
    expect(large.toString()).toBe('hello world')
  })

  it('asks a store of ours for the whole block at once', async () => {
    const store = openReferenceStore([{ cid, bytes: text('hello world') }])
    expect(await readBlock({ ...store, get: () => { throw new Error('asked for chunks') } }, cid.bytes)).toEqual(text('hello world'))
    await expect(readBlock(store, v0)).rejects.toThrow(BlockNotFoundError)
  })

  it('hands a foreign store a CID that is its own', async () => {
    const seen: unknown[] = []
    await readBlock({ get: function * (asked) { seen.push(asked); yield text('') } }, CID13.parse(cid.toString()))
    expect(seen[0]).toBeInstanceOf(CID)
  })

  it('rejects with the reason of a signal, before and between chunks, and lets go of the store', async () => {
    const reason = new Error('enough')
    await expect(readBlock(chunked(text('a')), cid, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    let released = 0
    const store = {
      get: async function * () {
        try {
          yield text('a')
          controller.abort(reason)
          yield text('b')
        } finally {
          released++
        }
      },
    }
    await expect(readBlock(store, cid, { signal: controller.signal })).rejects.toBe(reason)
    expect(released).toBe(1)
  })

  it('gives the failure of a store as it is', async () => {
    const failure = new Error('disk on fire')
    await expect(readBlock({ get: () => { throw failure } }, cid)).rejects.toBe(failure)
  })
})

describe('the powers', () => {
  it('are told by their methods', () => {
    const store = openReferenceStore([])
    const plain = { has: store.has, get: store.get, getMany: store.getMany, getAll: store.getAll }
    for (const has of [hasBytes, hasSizes, hasRanges]) {
      expect(has(store)).toBe(true)
      expect(has(plain)).toBe(false)
    }
    expect(hasSizes({ ...plain, size: 5 })).toBe(false)
  })
})

describe('the errors', () => {
  it('carry the names that the ecosystem tests, and codes', () => {
    const cause = new Error('why')
    const absent = new BlockNotFoundError(cid, { cause, unindexedShards: 2 })
    expect(absent).toMatchObject({ name: 'NotFoundError', code: 'BLOCKSTORE_NOT_FOUND', cid, cause, unindexedShards: 2 })
    expect(new BlockNotFoundError(cid).unindexedShards).toBe(0)
    expect(new ReadOnlyError('put called but not implemented')).toMatchObject({ name: 'ReadOnlyError', code: 'BLOCKSTORE_READ_ONLY' })
    expect(new BlockstoreError('BLOCKSTORE_CLOSED', 'closed', { cause, cid })).toMatchObject({ name: 'BlockstoreError', code: 'BLOCKSTORE_CLOSED', cause, cid })
    expect(new BlockstoreError('BLOCKSTORE_CLOSED', 'closed').cid).toBeUndefined()
  })
})
