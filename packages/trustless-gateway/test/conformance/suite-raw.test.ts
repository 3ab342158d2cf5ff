/**
 * The cases of the public suite for raw blocks and parts of them.
 *
 * Source: ipfs/gateway-conformance tests/trustless_gateway_raw_test.go.
 */
import { rawBlockDirectory, rawBlockText } from '@dagstore-tooling/fixtures/gateway'
import { expect, it } from 'vitest'
import { type Answered, type Asked, cidOf, inEveryForm, withPlace } from './harness.ts'
import { openTestStore } from './store.ts'

const RAW = 'application/vnd.ipld.raw'
const BY_ACCEPT = { headers: { accept: RAW } }
const directory = rawBlockDirectory.blocks[1]!
const text = rawBlockText.block

inEveryForm('raw blocks', (form) => {
  const ask = async (target: string, asked: Asked, then: (answered: Answered) => void): Promise<void> => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => { then(await place.ask(target, asked)) })
  }

  it('are given with format=raw', () => ask(`/ipfs/${cidOf(directory)}?format=raw`, {}, ({ status, body }) => {
    expect({ status, body }).toEqual({ status: 200, body: Uint8Array.from(directory.data) })
  }))

  it('are given by Accept', () => ask(`/ipfs/${cidOf(directory)}`, BY_ACCEPT, ({ status, body }) => {
    expect({ status, body }).toEqual({ status: 200, body: Uint8Array.from(directory.data) })
  }))

  it('have type, length, disposition and nosniff', () => ask(`/ipfs/${cidOf(text)}`, BY_ACCEPT, ({ headers, body }) => {
    expect(headers).toMatchObject({
      'content-type': RAW, 'content-length': String(text.data.byteLength), 'x-content-type-options': 'nosniff',
      'content-disposition': expect.stringMatching(new RegExp(`^attachment; filename="${cidOf(text)}\\.bin"`)),
    })
    expect(body).toEqual(Uint8Array.from(text.data))
  }))

  it('have the name that is asked for', () => ask(`/ipfs/${cidOf(text)}?filename=foobar.bin`, BY_ACCEPT, ({ headers }) => {
    expect(headers['content-disposition']).toMatch(/^attachment; filename="foobar\.bin"/)
  }))

  it('may be kept for ever', () => ask(`/ipfs/${cidOf(text)}`, BY_ACCEPT, ({ headers }) => {
    expect(headers).toMatchObject({
      'etag': `"${cidOf(text)}.raw"`, 'x-ipfs-path': `/ipfs/${cidOf(text)}`, 'x-ipfs-roots': cidOf(text),
      'cache-control': 'public, max-age=29030400, immutable',
    })
  }))

  it('are given in part', () => ask(`/ipfs/${cidOf(text)}`, { headers: { accept: RAW, range: 'bytes=6-16' } }, ({ status, headers, body }) => {
    expect({ status, body }).toEqual({ status: 206, body: Uint8Array.from(text.data.subarray(6, 17)) })
    expect(headers).toMatchObject({ 'content-type': RAW, 'content-range': 'bytes 6-16/31', 'content-length': '11' })
  }))

  it('are given whole to those who ask for several parts', () => ask(`/ipfs/${cidOf(text)}`, { headers: { accept: RAW, range: 'bytes=6-16,0-4' } }, ({ status, headers, body }) => {
    expect({ status, type: headers['content-type'], range: headers['content-range'], body }).toEqual({ status: 200, type: RAW, range: undefined, body: Uint8Array.from(text.data) })
  }))
})
