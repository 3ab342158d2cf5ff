/** A finished file taken apart with the CARv2 codec alone, as any reader would. */
import { openIndex, readLayout, scanSections } from '@dagstore/carv2'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, createWindow } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { expect } from 'vitest'
import type { TestBlock } from './blocks.ts'

const hashes = createHashes()

export interface Finished { readonly roots: readonly string[], readonly blocks: readonly TestBlock[] }

/** Roots and sections in order. Every section is hashed, and found in the index where it lies. */
export const takeApart = async (bytes: Uint8Array, { fullyIndexed = true } = {}): Promise<Finished> => {
  const source = createBytesSource(bytes)
  const layout = await readLayout(source)
  const index = await openIndex(createWindow(source, layout.indexOffset!, bytes.byteLength - layout.indexOffset!))
  const blocks: TestBlock[] = []
  for await (const section of scanSections(source, layout, { data: true, zeroPadding: 'refuse' })) {
    const cid = CID.decode(section.cid)
    expect(hashes.matches(cid.multihash.code, cid.multihash.digest, section.data!)).toBe(true)
    const { sectionOffset, headBytes, dataBytes } = section
    expect(await index.find(cid.multihash.bytes)).toContainEqual({ sectionOffset, headBytes, dataBytes })
    blocks.push({ cid, bytes: section.data! })
  }
  expect(index.facts.entryCount).toBe(blocks.length)
  expect(layout.fullyIndexed).toBe(fullyIndexed)
  expect(index.facts).toMatchObject({ payloadStart: layout.payloadStart, payloadEnd: layout.payloadBytes, source: undefined })
  return { roots: layout.roots.map(String), blocks }
}
