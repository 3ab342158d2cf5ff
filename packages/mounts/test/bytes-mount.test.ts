import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, MAX_BYTES_URL_BYTES } from '../src/index.ts'

describe('bytes mount', () => {
  it('D20: keeps any bytes in its URL, also those whose base64 text has slashes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const url = bytesUrl(bytes)
      expect(url).toMatch(/^bytes:[\w-]*$/u)
      expect(bytesMount().mount(url).url).toBe(url)
    }), { seed: 20 })
    expect(bytesUrl(Uint8Array.of(0xff, 0xff, 0xff, 0xfb, 0xef, 0xbe))).toBe('bytes:____----')
  })

  it('delivers the bytes of its URL, under the CID of their digest', async () => {
    const opened = await bytesMount().mount('bytes:aGVsbG8').open()
    if (opened.access !== 'random') throw new Error('not random')
    expect(new TextDecoder().decode(await opened.source.read(0, 5))).toBe('hello')
    // the CID that every IPFS tool gives for the raw block 'hello'
    expect(opened.source.identity).toEqual({ kind: 'content', cid: 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq', sizeBytes: 5 })
  })

  it('holds so much and no more', () => {
    const most = bytesUrl(new Uint8Array(MAX_BYTES_URL_BYTES))
    expect(bytesMount().mount(most).url).toBe(most)
    expect(() => bytesUrl(new Uint8Array(MAX_BYTES_URL_BYTES + 1))).toThrow(RangeError)
    expect(() => bytesMount().mount(`${most}AA`)).toThrow(expect.objectContaining({ code: 'MOUNT_BAD_URL' }))
  })
})
