import { describe, expect, it } from 'vitest'
import { parseEpochs, showEpochs } from '../src/epochs.ts'
import { parseFil, showFil } from '../src/fil.ts'

describe('parseFil', () => {
  it.each([
    { text: '0', atto: 0n },
    { text: '1', atto: 10n ** 18n },
    { text: '0.0125 FIL', atto: 12_500_000_000_000_000n },
    { text: '0.000000000000000001', atto: 1n },
    { text: '2000000000', atto: 2n * 10n ** 27n },
    { text: '7attofil', atto: 7n },
    { text: '9007199254740993 aFIL', atto: 9_007_199_254_740_993n },
  ])('reads $text to the last digit', ({ text, atto }) => {
    expect(parseFil(text)).toBe(atto)
    expect(parseFil(showFil(atto))).toBe(atto)
  })

  it.each(['', '-1', '.5', '1.', '1e3', '0.0000000000000000001', '1.5attofil', '1 btc', '1 FIL FIL', '0x10', `1${'0'.repeat(70)}`])('refuses %j', (text) => {
    expect(() => parseFil(text)).toThrow(RangeError)
  })
})

describe('parseEpochs', () => {
  it.each([
    { text: '518400', epochs: 518_400 },
    { text: '180d', epochs: 518_400 },
    { text: '2 w', epochs: 40_320 },
    { text: '1Y', epochs: 1_051_200 },
    { text: '12h', epochs: 1440 },
  ])('reads $text', ({ text, epochs }) => { expect(parseEpochs(text)).toBe(epochs) })

  it.each(['', '0', '0d', '-1', '1.5d', '11y', '99999999999', '180 days'])('refuses %j', (text) => { expect(() => parseEpochs(text)).toThrow(RangeError) })

  it('says how many days they are', () => {
    expect(showEpochs(518_400)).toBe('518400 epochs (180 days)')
    expect(showEpochs(2880)).toBe('2880 epochs (1 day)')
    expect(showEpochs(1000)).toBe('1000 epochs (0.3 days)')
  })
})
