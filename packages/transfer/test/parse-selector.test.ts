import { describe, expect, it } from 'vitest'
import { parseSelector } from '../src/index.ts'

const all = { R: { l: { none: {} }, ':>': { a: { '>': { '@': {} } } } } }
const matchAll = { R: { l: { none: {} }, ':>': { '|': [{ '.': {} }, { a: { '>': { '@': {} } } }] } } }
const match = { '.': {} }
const unixfs = (next: unknown): unknown => ({ '~': { as: 'unixfs', '>': next } })
const field = (name: string, next: unknown): unknown => ({ f: { 'f>': { [name]: next } } })

describe('parseSelector', () => {
  it.each<{ what: string, text: string, part: unknown }>([
    { what: 'nothing', text: '', part: {} },
    { what: 'the root as a path', text: '/', part: {} },
    { what: 'a path', text: '/a/b c//d/', part: { path: ['a', 'b c', 'd'] } },
    { what: 'all', text: JSON.stringify(all), part: {} },
    { what: 'all, matched', text: JSON.stringify(matchAll), part: {} },
    { what: 'one block', text: JSON.stringify(match), part: { scope: 'block' } },
    { what: 'a path and all below', text: JSON.stringify(unixfs(field('a', unixfs(field('b', matchAll))))), part: { path: ['a', 'b'] } },
    { what: 'a path, with the blocks on the way matched', text: JSON.stringify({ '|': [match, field('a', { '|': [match, all] })] }), part: { path: ['a'] } },
    { what: 'a path to a file', text: JSON.stringify(unixfs(field('a', unixfs(match)))), part: { path: ['a'], scope: 'entity' } },
    { what: 'bytes of a file', text: JSON.stringify(unixfs(field('a', { '~': { as: 'unixfs', '>': { '.': { subset: { '[': 5, ']': 10 } } } } }))), part: { path: ['a'], scope: 'entity', entityBytes: { from: 5, to: 9 } } },
    { what: 'bytes to the end', text: '{".":{"subset":{"[":5,"]":9223372036854775807}}}', part: { scope: 'entity', entityBytes: { from: 5 } } },
    { what: 'an index', text: JSON.stringify({ i: { i: 3, '>': field('x', all) } }), part: { path: ['3', 'x'] } },
  ])('reads $what', ({ text, part }) => {
    expect(parseSelector(text)).toEqual(part)
  })

  it.each<{ what: string, text: string }>([
    { what: 'no JSON', text: '{"R":' },
    { what: 'a limit of depth', text: JSON.stringify({ R: { l: { depth: 3 }, ':>': { a: { '>': { '@': {} } } } } }) },
    { what: 'a condition that ends it', text: JSON.stringify({ R: { l: { none: {} }, ':>': { a: { '>': { '@': {} } } }, '!': {} } }) },
    { what: 'a recursion over one field', text: JSON.stringify({ R: { l: { none: {} }, ':>': field('a', { '@': {} }) } }) },
    { what: 'two fields', text: JSON.stringify({ f: { 'f>': { a: match, b: match } } }) },
    { what: 'two parts', text: JSON.stringify({ '|': [field('a', match), field('b', match)] }) },
    { what: 'a range of a list', text: JSON.stringify({ r: { '^': 1, $: 2, '>': match } }) },
    { what: 'the data model of dag-pb', text: JSON.stringify(field('Links', { i: { i: 0, '>': field('Hash', all) } })) },
    { what: 'that as text', text: 'Links/0/Hash' },
    { what: 'a way up', text: 'a/../../b' },
    { what: 'an unknown interpretation', text: JSON.stringify({ '~': { as: 'ipns', '>': match } }) },
    { what: 'no bytes', text: '{".":{"subset":{"[":5,"]":5}}}' },
    { what: 'a list', text: '{"|":{}}' },
    { what: 'nothing at all', text: '{}' },
    { what: 'a tower', text: `${'{"~":{"as":"unixfs",">":'.repeat(2000)}{".":{}}${'}}'.repeat(2000)}` },
    { what: 'too much', text: 'a'.repeat(1 << 17) },
  ])('refuses $what', ({ text }) => {
    expect(() => parseSelector(text)).toThrow(expect.objectContaining({ code: 'TRANSFER_BAD_SELECTOR' }))
  })
})
