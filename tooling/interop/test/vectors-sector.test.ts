/** RLE+ of go-bitfield, coded and decoded by our packages. */
import { decodeRlePlus, encodeRlePlus } from '@dagstore/unsealed-sector'
import { describe, expect, it } from 'vitest'
import { manifest, type RleRun } from './manifest.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

/** Set ranges of alternating runs. */
const rangesOf = (runs: readonly RleRun[]): { start: number, length: number }[] => {
  let at = 0
  const ranges: { start: number, length: number }[] = []
  for (const { set, length } of runs) {
    if (set) ranges.push({ start: at, length })
    at += length
  }
  return ranges
}

describe.each(manifest.rle)('RLE+ of $about', (facts) => {
  it('is encoded as go-bitfield does', () => {
    expect(hex(encodeRlePlus(rangesOf(facts.runs)))).toBe(facts.hex)
  })

  it('decodes to the set ranges', () => {
    expect(decodeRlePlus(fromHex(facts.hex))).toEqual(rangesOf(facts.decoded))
  })
})
