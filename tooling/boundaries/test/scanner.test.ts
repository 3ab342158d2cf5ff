import { describe, expect, it } from 'vitest'
import { scanSource } from '../src/scanner.ts'

describe('scanSource', () => {
  it.each([
    { why: 'a line comment', source: 'a // Date.now()\nb', hidden: 'Date' },
    { why: 'a block comment over two lines', source: 'a /* x\n Date */ b', hidden: 'Date' },
    { why: 'a string with an escaped quote', source: "a('it\\'s Date') + b", hidden: 'Date' },
    { why: 'a template', source: 'a(`Date`) + b', hidden: 'Date' },
    { why: 'a regular expression with a slash in a class', source: 'a(/[/"]Date/) + b', hidden: 'Date' },
    { why: 'a regular expression after return', source: 'a; return /"Date/ + b', hidden: 'Date' },
  ])('hides the inside of $why and keeps what stands around it', ({ source, hidden }) => {
    const { code } = scanSource(source)
    expect(code).not.toContain(hidden)
    expect(code).toContain('a')
    expect(code.trimEnd().endsWith('b')).toBe(true)
    expect(code.length).toBe(source.length)
  })

  it('keeps the code inside template substitutions, nested ones included', () => {
    const { code } = scanSource('x = `one ${Date.now({ a: `${y}` })} two` + z')
    expect(code).toContain('Date.now({ a: `${y}` })')
    expect(code).not.toContain('one')
    expect(code).not.toContain('two')
    expect(code).toContain('+ z')
  })

  it('takes a slash after a value for a division', () => {
    expect(scanSource("a = b / c + 'd' / e").code).toBe("a = b / c + ' ' / e")
  })

  it('ends an unclosed string at the end of its line', () => {
    expect(scanSource("a = 'b\nDate").code).toContain('Date')
  })
})
