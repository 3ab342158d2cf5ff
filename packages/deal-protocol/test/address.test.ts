import { describe, expect, it } from 'vitest'
import { decodeAddress, encodeAddress } from '../src/index.ts'
import { bytesOf, vectors } from './proposal-vectors.ts'

const BAD = expect.objectContaining({ code: 'DEAL_BAD_PROPOSAL' })

describe('an address', () => {
  it.each(vectors.Addresses)('has the text and the bytes of go-address: $Text', ({ Text, Bytes }) => {
    expect(encodeAddress(Text)).toEqual(bytesOf(Bytes))
    expect(decodeAddress(bytesOf(Bytes))).toBe(Text)
  })

  it('of a test network has the same bytes', () => {
    for (const { Text, Bytes } of vectors.Addresses) {
      const test = `t${Text.slice(1)}`
      expect(encodeAddress(test)).toEqual(bytesOf(Bytes))
      expect(decodeAddress(bytesOf(Bytes), 't')).toBe(test)
    }
  })

  const [, , , key, actor, bls, delegated] = vectors.Addresses.map(({ Text }) => Text)
  it.each([
    '', 'f', 'f0', 'f5abc', 'x01000', 'f0-1', 'f0 1', 'f007', 'f09223372036854775808', 'f099999999999999999999', 'f01e3', 'f41', 'f4f', `f4${'9'.repeat(30)}f`, 'f410fAA', 'f1', 'f3',
    `${key!.slice(0, -1)}a`, `${key!.slice(0, -1)}`, key!.toUpperCase(), key!.replace('f1', 'f2'), actor!.replace('f2', 'f1'), bls!.replace('f3', 'f1'), delegated!.replace('f410', 'f411'), `f1${'a'.repeat(200)}`, 'f10',
  ])('is none: %j', (text) => { expect(() => encodeAddress(text)).toThrow(BAD) })

  it.each([
    ['nothing', ''], ['no payload', '00'], ['an unknown protocol', '05aa'], ['a byte too many', '00e80700'], ['an id that goes on', '00e8'], ['an id with a zero behind', '00e88000'], ['an id of 64 bits', '00ffffffffffffffffff01'],
    ['a key that is short', `01${'00'.repeat(19)}`], ['a key that is long', `03${'00'.repeat(49)}`], ['an address below another that is long', `040a${'00'.repeat(55)}`], ['no id of the other', '04'],
  ])('is not in bytes that hold %s', (_, hex) => { expect(() => decodeAddress(bytesOf(hex))).toThrow(BAD) })
})
