import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { linksOf } from '../src/index.ts'
import { cidOf, DAG_CBOR, DAG_PB, MemoryDag, text } from './blocks.ts'

const DAG_JSON = 0x0129
const links = (codec: number, bytes: Uint8Array): string[] => linksOf(cidOf(bytes, codec), bytes).map(String)
const bad = (codec: number, bytes: Uint8Array): void => {
  expect(() => links(codec, bytes)).toThrow(expect.objectContaining({ code: 'DAG_BAD_BLOCK' }))
}

const a = cidOf(text('a'))
const b = CID.createV0(cidOf(text('b')).multihash as never)
const inline = cidOf(text('inline'), 0x55, 0)

/** Values of the IPLD data model with links at any place. */
const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null), fc.boolean(), fc.integer(), fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0) && !Number.isInteger(n)),
    fc.constantFrom(a, b, inline),
    fc.array(tie('value'), { maxLength: 5 }),
    // keys of letters: those of digits stand in another order in a JavaScript object than in the bytes
    fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value

const linksWithin = (value: unknown): CID[] => {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return []
  const cid = CID.asCID(value)
  return cid !== null ? [cid] : Object.values(value).flatMap(linksWithin)
}

describe('linksOf', () => {
  it('finds the links that @ipld/dag-cbor decodes, in the same order', () => {
    fc.assert(fc.property(values, (value) => {
      const bytes = dagCbor.encode(value)
      expect(links(DAG_CBOR, bytes)).toEqual(linksWithin(dagCbor.decode(bytes)).map(String))
    }), { seed: 7, numRuns: 500 })
  })

  it('finds the links that @ipld/dag-json decodes, in the same order', () => {
    fc.assert(fc.property(values, (value) => {
      const bytes = dagJson.encode(value)
      expect(links(DAG_JSON, bytes)).toEqual(linksWithin(dagJson.decode(bytes)).map(String))
    }), { seed: 8, numRuns: 500 })
  })

  it('keeps the order of the bytes where a JavaScript object would put keys of digits first', () => {
    expect(links(DAG_CBOR, dagCbor.encode({ b: a, 10: b }))).toEqual([String(a), String(b)])
    expect(links(DAG_JSON, text(`{"b":{"/":"${a}"},"10":{"/":"${b}"}}`))).toEqual([String(a), String(b)])
  })

  it('takes links of every CID version and hash, repeats included', () => {
    expect(links(DAG_CBOR, dagCbor.encode([a, b, inline, a]))).toEqual([a, b, inline, a].map(String))
  })

  it('tells links of DAG-JSON from bytes, from text that looks like one, and from escaped ones', () => {
    expect(links(DAG_JSON, text('{"/":{"bytes":"AAAA"}}'))).toEqual([])
    expect(links(DAG_JSON, text(JSON.stringify({ a: `{"/":"${a}"}`, b: ['/', ':', '{', '"/"', String(a)] })))).toEqual([])
    expect(links(DAG_JSON, text(`[ { "\\/" : "${b}" } , { "\\u002f":"${a}"}]`))).toEqual([String(b), String(a)])
  })

  it('gives the links of dag-pb in their order', () => {
    const dag = new MemoryDag()
    const children = [dag.raw('x'), dag.raw('y'), dag.raw('x')]
    const parent = dag.pb(children)
    expect(linksOf(parent, dag.blocks.get(String(parent))!).map(String)).toEqual(children.map(String))
  })

  it('has no links in raw, plain CBOR and plain JSON', () => {
    for (const codec of [0x55, 0x51, 0x0200]) expect(links(codec, text('anything'))).toEqual([])
  })

  it('refuses a codec it does not know, by code and with the CID', () => {
    const cid = cidOf(text('x'), 0x90)
    expect(() => linksOf(cid, text('x'))).toThrow(expect.objectContaining({ code: 'DAG_UNKNOWN_CODEC', cid }))
  })

  it.each([
    ['no bytes', []],
    ['a cut head', [0x19, 0x01]],
    ['a cut string', [0x63, 0x61]],
    ['a list longer than the block', [0x9b, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['a map longer than the block', [0xba, 0xff, 0xff, 0xff, 0xff, 0x00]],
    ['a list without its items', [0x82, 0x01]],
    ['bytes left over', [0x01, 0x02]],
    ['an indefinite list', [0x9f, 0x01, 0xff]],
    ['another tag', [0xc1, 0x01]],
    ['a link that is no byte string', [0xd8, 0x2a, 0x01]],
    ['a link without its leading zero', [0xd8, 0x2a, 0x41, 0x01]],
    ['a link that is no CID', [0xd8, 0x2a, 0x43, 0x00, 0x01, 0x55]],
    ['a tag at the end', [0xd8, 0x2a]],
    ['an unassigned simple value', [0xe0]],
    ['a break alone', [0xff]],
  ])('refuses DAG-CBOR with %s', (_, bytes) => {
    bad(DAG_CBOR, Uint8Array.from(bytes))
  })

  it.each([
    ['cut text', '{"a":'], ['a link that is no CID', '{"/":"no"}'], ['entries beside a link', `{"/":"${a}","b":1}`], ['nothing', ''],
  ])('refuses DAG-JSON with %s', (_, words) => {
    bad(DAG_JSON, text(words))
  })

  it('refuses DAG-JSON that is not UTF-8, and dag-pb that is not dag-pb', () => {
    bad(DAG_JSON, Uint8Array.of(0x22, 0xff, 0x22))
    bad(DAG_PB, Uint8Array.of(0xff, 0xff))
  })

  it('reads a block of a million nested lists without running out of stack', () => {
    const nested = new Uint8Array(1_000_001).fill(0x81)
    nested[1_000_000] = 0x01
    expect(links(DAG_CBOR, nested)).toEqual([])
  })
})
