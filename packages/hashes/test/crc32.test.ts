import { crc32 as zlibCrc32 } from 'node:zlib'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../src/crc32.ts'

describe('crc32', () => {
  it('gives the check value of the standard', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
    expect(crc32(new Uint8Array(0))).toBe(0)
  })

  it('agrees with zlib for every length and place', () => {
    const bytes = seededBytes(71, 400)
    for (let from = 0; from < 20; from++) {
      for (let to = from; to < 100; to++) expect(crc32(bytes, from, to)).toBe(zlibCrc32(bytes.subarray(from, to)))
    }
    expect(crc32(bytes)).toBe(zlibCrc32(bytes))
  })
})
