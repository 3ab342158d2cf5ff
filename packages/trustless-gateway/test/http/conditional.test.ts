import { describe, expect, it } from 'vitest'
import { allowsPart, namesTag } from '../../src/http/conditional.ts'

describe('namesTag', () => {
  it.each([
    { header: '"a"', why: 'the tag itself' },
    { header: 'W/"a"', why: 'its weak form' },
    { header: '"b", "a"', why: 'a list' },
    { header: '"b",W/"a" , "c"', why: 'a list of weak ones' },
    { header: '*', why: 'anything' },
    { header: ' * ', why: 'anything, with space' },
    { header: '"b,", "a"', why: 'a list with a comma in a tag' },
  ])('finds it: $why', ({ header }) => {
    expect(namesTag(header, '"a"')).toBe(true)
    expect(namesTag(header, 'W/"a"')).toBe(true)
  })

  it.each(['"b"', 'a', '', '"A"', '"a', '"b","c"', '**'])('does not find it in %j', (header) => {
    expect(namesTag(header, '"a"')).toBe(false)
  })
})

describe('allowsPart', () => {
  it('takes no header, or the same strong tag', () => {
    expect(allowsPart(undefined, '"a"')).toBe(true)
    expect(allowsPart(' "a" ', '"a"')).toBe(true)
    for (const header of ['"b"', 'W/"a"', 'Sat, 29 Oct 1994 19:43:31 GMT', '*', '']) expect(allowsPart(header, '"a"'), header).toBe(false)
    expect(allowsPart('W/"a"', 'W/"a"')).toBe(false)
  })
})
