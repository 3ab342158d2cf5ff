/** Files made to break or to cost, through our public functions: right bytes or a code, within bounds on reads and memory. */
import { carV1, damagedSectors, hostile, makeBlocks, section, trailerDamage } from '@dagstore-tooling/fixtures'
import { buildIndex, createIndexBuilder, inspectCar, openIndex, readLayout, scanSections, verifyCar } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { openHashes } from '@dagstore/hashes/node'
import { type ByteSource, createBytesSource } from '@dagstore/io'
import { openSector } from '@dagstore/unsealed-sector'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'

const hashes = await openHashes()

interface CountedSource extends ByteSource { readonly cost: { readonly kind: 'local', readonly seekBytes: number }, readonly reads: { count: number, bytes: number } }

/** A local source: nothing is at hand without a read. */
const counted = (bytes: Uint8Array, cid = 'counted'): CountedSource => {
  const source = createBytesSource(bytes, { identity: { kind: 'content', cid, sizeBytes: bytes.byteLength } })
  const reads = { count: 0, bytes: 0 }
  return {
    sizeBytes: source.sizeBytes,
    identity: source.identity,
    cost: { kind: 'local', seekBytes: 4096 },
    reads,
    read: async (at, length) => {
      reads.count++
      reads.bytes += length
      return source.read(at, length)
    },
    peek: () => undefined,
    close: () => source.close(),
    [Symbol.asyncDispose]: () => source.close(),
  }
}

/** The value of a call, or the code of its error; another error goes on. */
const outcome = async <T> (call: Promise<T>): Promise<{ value: T } | { code: string }> => {
  try {
    return { value: await call }
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(?:CARV2|BLOCKSTORE|SECTOR)_/.test(error.code)) return { code: error.code }
    throw error
  }
}

const hasImpossibleIndex = (name: string): boolean => name === 'v2-payload-overlaps-index' || name === 'v2-payload-is-its-own-header'

const grown = (before: number): number => process.memoryUsage().arrayBuffers - before

describe.each(Object.keys(hostile))('%s', (name) => {
  const bytes = hostile[name]!()

  it('is scanned, inspected, verified and indexed to the same end, in a few reads and little memory', async () => {
    const before = process.memoryUsage().arrayBuffers
    const source = counted(bytes)
    const scanned = await outcome((async () => {
      let count = 0
      for await (const section of scanSections(source, await readLayout(source))) if (section.headBytes > 0) count++
      return count
    })())
    const inspected = await outcome(inspectCar(source))
    const built = await outcome(buildIndex(source))
    if ('code' in scanned) {
      // inspection and building go on without an index that cannot be where it is said to be
      if (hasImpossibleIndex(name)) {
        expect(inspected).toMatchObject({ value: { blockCount: 20, index: { fault: { code: 'CARV2_BAD_HEADER' } } } })
        expect(built).toMatchObject({ value: { entryCount: 20 } })
      } else {
        expect(inspected).toEqual(scanned)
        expect(built).toEqual(scanned)
      }
    } else {
      expect(inspected).toMatchObject({ value: { blockCount: scanned.value } })
      expect(built).toMatchObject({ value: { entryCount: scanned.value } })
    }
    await outcome(verifyCar(source, hashes))
    expect(source.reads.count).toBeLessThan(400)
    expect(source.reads.bytes).toBeLessThan(24 * bytes.byteLength + (4 << 20))
    expect(grown(before)).toBeLessThan(64 << 20)
  })

  it('is mounted, or refused by a code; its blocks come right', async () => {
    const source = counted(bytes)
    const mounted = await outcome(openIndexMount({ data: source }, { hashes }))
    if ('code' in mounted) return expect(mounted.code).toMatch(/^CARV2_/)
    for (const block of makeBlocks(31, 20, { min: 0, max: 60 })) {
      const read = await outcome(mounted.value.blockstore.bytes(CID.decode(block.cid)))
      if ('value' in read) expect(Buffer.compare(read.value, block.data)).toBe(0)
      else expect({ code: read.code, isThere: Buffer.from(bytes).includes(Buffer.from(section(block))) }).toEqual({ code: 'BLOCKSTORE_NOT_FOUND', isThere: false })
    }
    expect(await outcome(mounted.value.blockstore.bytes(CID.decode(Uint8Array.of(1, 0x55, 0x12, 32, ...new Uint8Array(32).fill(1)))))).toEqual({ code: 'BLOCKSTORE_NOT_FOUND' })
    await mounted.value.close()
  })
})

describe('lookups of digests chosen to be slow', () => {
  const COUNT = 50_000
  const cidOf = (digest: Uint8Array): Uint8Array => Uint8Array.of(1, 0x55, 0x12, 32, ...digest)
  const kinds: Record<string, (i: number) => Uint8Array> = {
    'equal but for the last four bytes': (i) => { const digest = new Uint8Array(32); new DataView(digest.buffer).setUint32(28, i); return digest },
    'in clusters at both ends': (i) => { const digest = new Uint8Array(32).fill(i % 2 === 0 ? 0 : 0xff); new DataView(digest.buffer).setUint32(20, i); return digest },
    'growing by doubling': (i) => { const digest = new Uint8Array(32); digest[i % 31] = 1 << (i % 8); new DataView(digest.buffer).setUint32(28, i); return digest },
  }

  it.each(Object.entries(kinds))('%s: each takes reads logarithmic in the entries', async (_, digestOf) => {
    const builder = createIndexBuilder()
    for (let i = 0; i < COUNT; i++) builder.add({ cid: cidOf(digestOf(i)), sectionOffset: 100 + 40 * i, headBytes: 37, dataBytes: 3 })
    const chunks = [...builder.finish({ payloadStart: 0, payloadEnd: 100 + 40 * COUNT, carV1Header: undefined, source: undefined }).encode()]
    const source = counted(new Uint8Array(Buffer.concat(chunks)))
    for (let i = 0; i < 40; i++) {
      const at = (i * 7919) % COUNT
      const view = await openIndex(source) // with no page at hand
      const before = source.reads.count
      expect(await view.find(cidOf(digestOf(at)).subarray(2))).toMatchObject([{ sectionOffset: 100 + 40 * at, dataBytes: 3 }])
      expect(source.reads.count - before).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(COUNT)))
      await view.close()
    }
  })
})

describe.each(Object.entries(trailerDamage))('an index with a trailer, %s', (_, damage) => {
  const blocks = makeBlocks(41, 400, { min: 1, max: 20 })
  const roots = [blocks[0]!.cid]
  const make = async (): Promise<{ payload: Uint8Array, index: Uint8Array }> => {
    const payload = carV1(roots, blocks)
    const built = await buildIndex(createBytesSource(payload, { identity: { kind: 'content', cid: 'payload', sizeBytes: payload.byteLength } }))
    return { payload, index: new Uint8Array(Buffer.concat([...built.encode()])) }
  }

  it('gives what the sound one gives, or says that it is damaged', async () => {
    const { index } = await make()
    const sound = await openIndex(createBytesSource(index))
    const opened = await outcome(openIndex(createBytesSource(damage(index))))
    if ('code' in opened) return expect(opened.code).toMatch(/^CARV2_(INDEX_DAMAGED|BAD_INDEX|UNKNOWN_INDEX)$/)
    for (const { multihash } of blocks) {
      const found = await outcome((async () => opened.value.find(multihash))())
      if ('code' in found) expect(found.code).toMatch(/^CARV2_(INDEX_DAMAGED|BAD_INDEX)$/)
      // one whose trailer is gone knows offsets only, and cannot know that they are right
      else if (opened.value.facts.payloadEnd !== undefined) expect(found.value).toEqual(await sound.find(multihash))
    }
  })

  it('never hides a block of a mount, and never gives other bytes', async () => {
    const { payload, index } = await make()
    const mount = await openIndexMount({ data: counted(payload, 'payload'), index: counted(damage(index)) }, { hashes })
    for (const { cid, data } of blocks) {
      const read = await outcome(mount.blockstore.bytes(CID.decode(cid)))
      if ('code' in read) expect(read.code).toBe('BLOCKSTORE_UNREADABLE')
      else expect(Buffer.compare(read.value, data)).toBe(0)
    }
    await mount.close()
  })
})

describe('a sector', () => {
  const expected: Record<string, string> = {
    'sector-empty-file': 'SECTOR_TRUNCATED',
    'sector-cut-in-data': 'SECTOR_TRUNCATED',
    'fr32-bits-not-zero': 'value',
  }

  it.each(Object.entries(damagedSectors))('%s is refused by a code, or read as what is whole in it', async (name, bytes) => {
    const source = counted(bytes)
    const opened = await outcome(openSector(source))
    expect('code' in opened ? opened.code : 'value').toBe(expected[name] ?? 'SECTOR_BAD_TRAILER')
    expect(source.reads.bytes).toBeLessThanOrEqual(2 * bytes.byteLength)
    if ('code' in opened) return
    const piece = opened.value.openPiece(0, 512)
    expect((await piece.read(0, piece.sizeBytes)).byteLength).toBe(508)
  })
})
