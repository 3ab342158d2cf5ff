/** Taking blocks in: what is refused, what is there already, what becomes a section. */
import type { Hashes } from '@dagstore/hashes'
import { verifyBlock } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { tooLarge } from './block-input.ts'
import { isIdentity } from './kept-cids.ts'
import type { CarRules } from './resume-slot.ts'
import type { SectionHeads } from './section-heads.ts'
import { isSectionOf } from './section-lookup.ts'
import { MAYBE, NONE, type SectionTable } from './section-table.ts'
import type { Tail } from './tail.ts'

export interface PutParts {
  readonly table: SectionTable
  readonly tail: Tail
  readonly heads: SectionHeads
  readonly rules: CarRules
  readonly hashes: Hashes
  readonly verifyPuts: boolean
}

export class Puts {
  readonly #parts: PutParts

  constructor (parts: PutParts) {
    this.#parts = parts
  }

  /** How many bytes may be put under this CID. @throws {BlockstoreError} `BLOCKSTORE_TOO_LARGE`: none, the CID alone is too long */
  maxBytes (cid: CID): number {
    const { maxSectionBytes, maxCidBytes } = this.#parts.rules
    if (!this.#isStored(cid)) return maxSectionBytes
    const { byteLength } = cid.bytes
    if (byteLength > maxCidBytes || byteLength > maxSectionBytes) throw tooLarge(cid, Math.min(maxCidBytes, maxSectionBytes))
    return maxSectionBytes - byteLength
  }

  /**
   * Whether this becomes a section unless it is there: identity CIDs that are not stored do not, however long they are.
   *
   * @throws {BlockstoreError} `BLOCKSTORE_TOO_LARGE`, `BLOCKSTORE_HASH_MISMATCH`, `BLOCKSTORE_UNKNOWN_HASH`
   */
  check (cid: CID, data: Uint8Array): boolean {
    const { hashes, verifyPuts } = this.#parts
    const max = this.maxBytes(cid)
    if (data.byteLength > max) throw tooLarge(cid, max)
    if (verifyPuts) verifyBlock(hashes, cid, data)
    return this.#isStored(cid)
  }

  #isStored (cid: CID): boolean {
    return this.#parts.rules.identity.store || !isIdentity(cid.bytes)
  }

  /**
   * Nothing is awaited in here, so two puts of one block can not both miss it.
   *
   * @param cleared - sections that were looked at and are others
   * @returns whether it is done; if not, {@link isThere} has to look at a section first
   */
  store (cid: CID, data: Uint8Array, cleared?: ReadonlySet<number>): boolean {
    const { table } = this.#parts
    const found = table.probe(cid.bytes, cleared)
    if (found === MAYBE) return false
    if (found === NONE) this.#append(cid, data, false)
    else this.repeat(cid, data)
    return true
  }

  /** After {@link store} could not decide: whether the section in question holds this block; if not, it is noted as cleared. */
  async isThere (cid: CID, cleared: Set<number>): Promise<boolean> {
    const { table, heads } = this.#parts
    const { suspect } = table
    if (await isSectionOf(table, heads, suspect, cid.bytes)) return true
    cleared.add(suspect)
    return false
  }

  /** One more of a block that is there, where that is wanted. */
  repeat (cid: CID, data: Uint8Array): void {
    if (this.#parts.rules.duplicates) this.#append(cid, data, true)
  }

  #append (cid: CID, data: Uint8Array, isRepeat: boolean): void {
    const { table, tail } = this.#parts
    tail.append(cid.bytes, data)
    table.add(cid.bytes, tail.end, isRepeat)
  }
}
