/** Which section holds a block, for certain: where fingerprints alone speak for one, its CID is read. */
import type { Awaitable } from '@dagstore/read-blockstore'
import { isSameKey } from './kept-cids.ts'
import type { SectionHeads } from './section-heads.ts'
import { MAYBE, NONE, type SectionTable } from './section-table.ts'

/** Its number, or {@link NONE}; CIDs are binary here. A promise only if bytes have to be read. @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE` */
export const findSection = (table: SectionTable, heads: SectionHeads, cid: Uint8Array): Awaitable<number> => {
  const number = table.probe(cid)
  return number === MAYBE ? findSlowly(table, heads, cid) : number
}

const findSlowly = async (table: SectionTable, heads: SectionHeads, cid: Uint8Array): Promise<number> => {
  const cleared = new Set<number>()
  for (;;) {
    const number = table.probe(cid, cleared)
    if (number !== MAYBE) return number
    const { suspect } = table
    if (await isSectionOf(table, heads, suspect, cid)) return suspect
    cleared.add(suspect)
  }
}

/** Whether the section with this number is found by this CID. @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE` */
export const isSectionOf = async (table: SectionTable, heads: SectionHeads, number: number, cid: Uint8Array): Promise<boolean> => {
  const head = await heads.get(number)
  return isSameKey(head.cid, cid, table.wholeCid)
}

/** Put a section that was found behind the last one into the table, as a repeat if there is one like it. */
export const addFound = async (table: SectionTable, heads: SectionHeads, cid: Uint8Array, end: number): Promise<void> => {
  const found = await findSection(table, heads, cid)
  table.add(cid, end, found !== NONE)
}
