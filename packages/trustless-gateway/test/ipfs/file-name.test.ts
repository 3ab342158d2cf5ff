import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attachmentAs } from '../../src/ipfs/file-name.ts'

describe('attachmentAs', () => {
  it.each([
    { name: 'foobar.bin', header: 'attachment; filename="foobar.bin"' },
    { name: 'a b.car', header: 'attachment; filename="a b.car"' },
    { name: 'testтест.pdf', header: "attachment; filename=\"test____.pdf\"; filename*=UTF-8''test%D1%82%D0%B5%D1%81%D1%82.pdf" },
    { name: 'a"b\\c%.txt', header: "attachment; filename=\"a_b_c_.txt\"; filename*=UTF-8''a%22b%5Cc%25.txt" },
    { name: "it's (1)*.txt", header: 'attachment; filename="it\'s (1)*.txt"' },
    { name: "ä'()*", header: "attachment; filename=\"_'()*\"; filename*=UTF-8''%C3%A4%27%28%29%2A" },
    { name: '😀', header: "attachment; filename=\"_\"; filename*=UTF-8''%F0%9F%98%80" },
    { name: 'a\r\nset-cookie: x', header: "attachment; filename=\"a__set-cookie: x\"; filename*=UTF-8''a%0D%0Aset-cookie%3A%20x" },
    { name: '\uD800', header: "attachment; filename=\"_\"; filename*=UTF-8''%EF%BF%BD" },
  ])('writes $name', ({ name, header }) => {
    expect(attachmentAs(name)).toBe(header)
  })

  it('is a header, whatever the name', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      const header = attachmentAs(name)
      expect(header).toMatch(/^attachment; filename="[\x20-\x7e]*"(; filename\*=UTF-8''[\x21-\x7e]*)?$/)
      const extended = /UTF-8''(.*)$/.exec(header)?.[1]
      if (extended !== undefined) expect(decodeURIComponent(extended)).toBe(name)
    }), { seed: 2 })
  })
})
