/** Commitments, piece CIDs and fr32 of the Go modules, computed by our packages. */
import { createCommP, padFr32, parsePieceCid, pieceBytes, toPieceCidV1, unpadFr32 } from '@dagstore/piece'
import { createCommP as createNodeCommP } from '@dagstore/piece/node'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { inputChunks } from './inputs.ts'
import { manifest } from './manifest.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

describe.each(manifest.commp)('the piece of $size bytes', (facts) => {
  const engines = [{ engine: 'node', create: createNodeCommP }, { engine: 'portable', create: createCommP }]

  // the portable one is slow, and large inputs run no other code than small ones
  it.each(engines.slice(0, facts.size > 1 << 17 ? 1 : 2))('has the same commitment with the $engine engine', ({ create }) => {
    const commP = create()
    for (const chunk of inputChunks(facts.seed, facts.size)) commP.write(chunk)
    const piece = commP.finish()
    expect(piece.payloadBytes).toBe(facts.size)
    expect(piece.paddedBytes).toBe(facts.paddedSize)
    expect(piece.cidV1.toString()).toBe(facts.v1)
    if (facts.v2 !== null) expect(piece.cidV2.toString()).toBe(facts.v2)
  })

  it('has the padded size that the payload size alone gives', () => {
    expect(pieceBytes(facts.size).padded).toBe(facts.paddedSize)
  })
})

describe.each(manifest.commp.filter(({ v2 }) => v2 !== null))('the v2 CID of the piece of $size bytes', (facts) => {
  it('says its sizes and converts to v1', () => {
    const v2 = CID.parse(facts.v2!)
    expect(parsePieceCid(v2)).toMatchObject({ version: 2, payloadBytes: facts.size, paddedBytes: facts.paddedSize })
    expect(toPieceCidV1(v2).toString()).toBe(facts.v1)
    expect(hex(parsePieceCid(v2).commitment)).toBe(hex(parsePieceCid(CID.parse(facts.v1)).commitment))
  })
})

describe.each(manifest.fr32)('fr32 of $about', (facts) => {
  it('pads as go-data-segment does, and back', () => {
    expect(hex(padFr32(fromHex(facts.in)))).toBe(facts.out)
    expect(hex(unpadFr32(fromHex(facts.out)))).toBe(facts.in)
  })
})
