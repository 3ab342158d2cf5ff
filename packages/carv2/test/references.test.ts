import { carV1, carV2, concat, makeBlock, seededBytes } from '@dagstore-tooling/fixtures'
import { createBytesSource, type ByteSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { decodeFileReference, isReferenceSection, probeReferences, readLayout, refuseReferences } from '../src/index.ts'

const VALUE = Buffer.from('0a0d646174612f7a65726f2e62696e100018808040', 'hex')
const key = makeBlock(new TextEncoder().encode('/filestore/UDSAEIGHJBQN25EA472LLLTQL6ITP2IKBKQLYZ6W5EGPQB4N2ZUX3PNWVU'))
const inline = makeBlock(key.data, { hash: 'identity' })
const probe = async (source: ByteSource): Promise<boolean> => probeReferences(source, await readLayout(source))

describe('probeReferences', () => {
  it.each([{ dialect: 'sha2-256', block: key }, { dialect: 'identity', block: inline }])('tells a reference under a $dialect key', async ({ block }) => {
    const reference = { ...block, data: VALUE }
    expect(await probe(createBytesSource(carV1([], [makeBlock(seededBytes(1, 100)), reference])))).toBe(true)
    expect(await probe(createBytesSource(carV2({ roots: [], blocks: [reference], dataPadding: 900 })))).toBe(true)
    expect(await probe(createBytesSource(carV1([], [{ ...reference, data: VALUE.subarray(0, 20) }])))).toBe(false)
  })
  it('reads once, and not more than 256 KiB', async () => {
    const inner = createBytesSource(carV1([], [...Array.from({ length: 3000 }, (_, i) => makeBlock(seededBytes(i, 300))), { ...key, data: VALUE }]))
    const layout = await readLayout(inner)
    const reads: number[] = []
    expect(await probeReferences({ ...inner, peek: () => undefined, read: async (at, length, call) => { reads.push(length); return inner.read(at, length, call) } }, layout)).toBe(false)
    expect(reads).toEqual([1 << 18])
  })
  it('takes no block for a reference that is what its CID says', () => {
    const block = makeBlock(VALUE)
    expect(isReferenceSection(0x12, block.multihash.subarray(2), VALUE)).toBe(false)
    expect(isReferenceSection(0x13, block.multihash.subarray(2), VALUE)).toBe(false)
    expect(isReferenceSection(0x12, key.multihash.subarray(2), VALUE)).toBe(true)
  })
  it('lets the CAR be refused', async () => {
    const bytes = carV1([], [{ ...key, data: VALUE }])
    const source = createBytesSource(bytes)
    await expect(refuseReferences(source, await readLayout(source), 'x.car')).rejects.toMatchObject({ code: 'CARV2_REFERENCES' })
    const plain = createBytesSource(carV1([], [key]))
    await refuseReferences(plain, await readLayout(plain), 'x.car')
    const reason = new Error('enough')
    await expect(probeReferences(source, await readLayout(source), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('decodeFileReference', () => {
  it('gives the fields, and nothing of what is none', () => {
    expect(decodeFileReference(VALUE)).toEqual({ path: 'data/zero.bin', offset: 0, size: 1 << 20 })
    expect(decodeFileReference(VALUE.subarray(1))).toBeUndefined()
    expect(decodeFileReference(concat([VALUE, new Uint8Array(4200)]))).toBeUndefined()
  })
})
