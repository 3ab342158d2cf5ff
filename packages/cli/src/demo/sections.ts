/** Every section of a CAR, fetched by its CID through the promoted store and held against the input's bytes. */
import { type CarLayout, scanSections } from '@dagstore/carv2'
import { linksOf } from '@dagstore/dag'
import type { ByteSource } from '@dagstore/io'
import type { PromotedBlockstore } from '@dagstore/promote-blockstore'
import { readBlock } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'

export interface SectionsResult {
  /** Sections compared, duplicates included. */
  readonly sections: number
  /** Roots and children of blocks that are in no section; what an incomplete CAR leaves out. */
  readonly missing: readonly CID[]
}

export interface SectionsOptions {
  readonly signal: AbortSignal
  readonly onProgress: (doneBytes: number, totalBytes: number | undefined) => void
}

/** @throws {CommandError} `COMMAND_REFUSED`: a block came back with other bytes than the section has */
export const compareSections = async (input: ByteSource, layout: CarLayout, store: PromotedBlockstore, options: SectionsOptions): Promise<SectionsResult> => {
  const { signal, onProgress } = options
  // asked for at once, so that only what is missing is kept
  const missing = new Map<string, CID>()
  const want = async (cid: CID): Promise<void> => { if (!await store.has(cid, { signal })) missing.set(cid.toString(), cid) }
  for (const root of layout.roots) await want(root)
  let sections = 0
  for await (const section of scanSections(input, layout, { data: true, signal, onProgress: ({ doneBytes, totalBytes }) => { onProgress(doneBytes, totalBytes) } })) {
    const cid = CID.decode(section.cid)
    const bytes = await readBlock(store, cid, { signal })
    if (section.data === undefined || Buffer.compare(bytes, section.data) !== 0) {
      throw new CommandError('COMMAND_REFUSED', `the block ${cid.toString()} at byte ${layout.payloadStart + section.sectionOffset} came back different`)
    }
    for (const link of knownLinks(cid, bytes)) await want(link)
    sections++
  }
  return { sections, missing: [...missing.values()] }
}

/** A block of a codec that is not known, or that does not decode, has no children that could be missing. */
const knownLinks = (cid: CID, bytes: Uint8Array): readonly CID[] => {
  try {
    return linksOf(cid, bytes)
  } catch {
    return []
  }
}
