import { describe, expect, it } from 'vitest'
import { parseByteRange } from '../src/client/byte-range.ts'
import { parseDagPath } from '../src/client/dag-path.ts'
import { rows } from '../src/rows.ts'

const cid = 'bafkreig6gal7vro4ksz5kzwt7kjvimrl3dephgitqiup3s6fby76n5avry'
const usage = expect.objectContaining({ code: 'COMMAND_USAGE' }) as Error

describe('parseDagPath', () => {
  it.each([
    { text: cid, path: '' },
    { text: `${cid}/`, path: '' },
    { text: `${cid}/a/b c`, path: 'a/b c' },
    { text: `/ipfs/${cid}/a`, path: 'a' },
    { text: `ipfs://${cid}/a/`, path: 'a' },
  ])('takes $text', ({ text, path }) => {
    const found = parseDagPath(text)
    expect([found.root.toString(), found.path]).toEqual([cid, path])
  })

  it('takes the path by an option too, once', () => {
    expect(parseDagPath(cid, '/a/b/').path).toBe('a/b')
    expect(() => parseDagPath(`${cid}/a`, 'b')).toThrow(usage)
  })

  it.each(['', 'no-cid', `${cid}/../a`, `${cid}//a`, `/ipns/${cid}`])('refuses %j', (text) => { expect(() => parseDagPath(text)).toThrow(usage) })
})

describe('parseByteRange', () => {
  it.each([
    { text: '0:1023', from: 0, to: 1023 },
    { text: '0:0', from: 0, to: 0 },
    { text: '4096:*', from: 4096, to: undefined },
    { text: '-1024:*', from: -1024, to: undefined },
    { text: '-10:-5', from: -10, to: -5 },
    { text: '0:-5', from: 0, to: -5 },
  ])('takes $text', ({ text, from, to }) => { expect(parseByteRange(text)).toEqual({ from, to }) })

  it.each(['', '5', '5:4', '-5:-6', '*:5', ':5', '5:', '1.5:2', '0:99999999999999999', 'a:b'])('refuses %j', (text) => { expect(() => parseByteRange(text)).toThrow(usage) })
})

it('rows are in line, without those of which nothing is known, and control characters are shown', () => {
  expect(rows([['State', 'Active', 'green'], ['Message', ''], ['Deal', undefined], ['Piece CID', 'x\u001by']], true, 2)).toBe('  State:     \u001b[32mActive\u001b[0m\n  Piece CID: x\\x1by\n')
})
