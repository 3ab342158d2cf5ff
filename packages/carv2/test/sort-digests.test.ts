import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { EntryRows } from '../src/entry-rows.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('entries', () => {
  it.each([
    { digestBytes: 0, alphabet: 256 }, { digestBytes: 1, alphabet: 256 }, { digestBytes: 3, alphabet: 4 }, { digestBytes: 4, alphabet: 256 },
    { digestBytes: 6, alphabet: 2 }, { digestBytes: 32, alphabet: 2 }, { digestBytes: 32, alphabet: 256 }, { digestBytes: 700, alphabet: 256 },
  ])('come by digest, then by offset: digests of $digestBytes bytes of $alphabet values, seed 81', ({ digestBytes, alphabet }) => {
    const random = seededRandom(81)
    for (const count of [0, 1, 2, 16, 17, 33, 257, 5000, digestBytes === 32 ? 70_000 : 0]) {
      const rows = new EntryRows(0x12, digestBytes)
      const list = Array.from({ length: count }, (_, i) => ({
        digest: random.bytes(digestBytes).map((byte) => byte % alphabet), offset: random.int(1000) * 2 ** 30 + i, dataBytes: random.int(2 ** 32), row: i % 256,
      }))
      for (const { digest, offset, dataBytes, row } of list) rows.push(digest, 0, offset, dataBytes, row)
      expect(rows.count).toBe(count)
      const expected = list.sort((a, b) => Buffer.compare(a.digest, b.digest) || a.offset - b.offset).map(({ digest, offset, dataBytes, row }) => {
        const numbers = Buffer.alloc(13)
        numbers.writeBigUInt64LE(BigInt(offset))
        numbers.writeUInt32LE(dataBytes, 8)
        numbers[12] = row
        return { entry: hex(digest) + hex(numbers.subarray(0, 8)), record: hex(numbers.subarray(8)) }
      })
      const width = digestBytes + 8
      const into = new Uint8Array(3 + count * (width + 5))
      rows.writeSorted(into, 3, 3 + count * width)
      expect(hex(into) === ['000000', ...expected.map(({ entry }) => entry), ...expected.map(({ record }) => record)].join('')).toBe(true)
      const chunks: string[] = []
      for (const chunk of rows.sortedRows(1000)) chunks.push(hex(chunk))
      expect(chunks.join('') === expected.map(({ entry, record }) => entry + record).join('')).toBe(true)
      rows.clear()
      expect([rows.count, [...rows.sortedRows(1000)]]).toEqual([0, []])
    }
  })
})
