/** Whether a CAR is whole and true: structure, hashes, roots, index, and if asked for the links between blocks. */
import type { Hashes } from '@dagstore/hashes'
import type { ByteProgress, ByteSource, CallOptions } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { IDENTITY_CODE } from './cid.ts'
import { CarV2Error } from './errors.ts'
import { IndexColumns } from './index-builder.ts'
import { checkIndex } from './index-report.ts'
import type { KeyedIndexEntry } from './index-view.ts'
import { type CarLayout, type CarLimits, readLayout } from './layout.ts'
import { type LinksOf, MissingLinks } from './missing-links.ts'
import { RootWatch } from './root-watch.ts'
import type { SectionCursor } from './section-cursor.ts'
import { checkSectionHash } from './section-hash.ts'
import { type ResolvedPolicy, resolveSectionPolicy, type SectionPolicy } from './section-policy.ts'
import { eachSection, SectionReader } from './section-reader.ts'

export interface VerifyOptions extends CarLimits, CallOptions {
  /** What is refused. @default SECTION_POLICY */
  readonly policy?: SectionPolicy | undefined
  /** The CIDs that a block names, which is not raw; `data` is its until it returns, and what it throws counts as `undecodable`. @default links are not followed */
  readonly linksOf?: LinksOf | undefined
  /** Block the thread for each read, where the source can: only for workers and one-shot commands. @default false */
  readonly blocking?: boolean | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface VerifyReport {
  readonly layout: CarLayout
  /** Sections, repeats included. */
  readonly blockCount: number
  /** End of the last section, from the start of the payload. */
  readonly payloadEnd: number
  /** From there to the end of the payload. */
  readonly paddingBytes: number
  /** Sections whose CID holds their data. */
  readonly identityCount: number
  /** Sections that could not be hashed. */
  readonly unknownHashCount: number
  /** Sections whose multihash stood in an earlier one; `undefined` unless the policy counts them. */
  readonly duplicateCount: number | undefined
  /** Roots that no section holds, in the order of the header. */
  readonly missingRoots: readonly CID[]
  /** Whether there was an index, and every entry of it was compared. */
  readonly index: 'checked' | 'ignored' | 'none'
  /** Links to blocks that are not there, each once, the first 1000 of them; empty without `linksOf`. */
  readonly missing: readonly CID[]
  readonly missingCount: number
  /** Blocks whose links could not be read. */
  readonly undecodable: number
}

const RAW = 0x55

/**
 * Check everything about a CAR that can be checked by reading it: every section, every hash, the zeros behind the last
 * one, that there are roots and that they are there, and that an attached index lists every block but those with identity
 * CIDs, which it may list, and nothing else. Rejects at the first thing that the policy refuses.
 *
 * Memory: one window, and some 50 bytes for each block where there is an index, `linksOf`, or duplicates are looked for; twice
 * that for a moment while they are sorted. With `linksOf` as much again for each block that is linked to.
 *
 * @throws {CarV2Error} as {@link readLayout}, {@link scanSections} and {@link openIndex}; `CARV2_HASH_MISMATCH`,
 *   `CARV2_UNKNOWN_HASH`; `CARV2_NO_ROOTS`, `CARV2_ROOT_MISSING`; `CARV2_INDEX_INCOMPLETE`: a block is not in the index at its
 *   offset; `CARV2_BAD_INDEX`: the index lists what is not there. By policy `CARV2_ZERO_PADDING`, `CARV2_DUPLICATE`,
 *   `CARV2_IDENTITY`, `CARV2_INCOMPLETE`, `CARV2_NO_INDEX`. With `linksOf` `CARV2_TOO_LARGE`: links
 *   of more than 65,536 kinds. `offset` counts from the start of the file.
 * @throws {TypeError} a policy that is none, or that needs `linksOf`
 */
export const verifyCar = async (source: ByteSource, hashes: Hashes, options: VerifyOptions = {}): Promise<VerifyReport> => {
  const { linksOf, signal, onProgress, maxSectionBytes, maxCidBytes, blocking } = options
  const policy = resolveSectionPolicy(options.policy)
  if (policy.missingLinks === 'refuse' && linksOf === undefined) throw new TypeError('missing links are found only with linksOf')
  const layout = await readLayout(source, { ...options, badIndex: policy.index === 'ignore' ? 'report' : 'refuse' })
  if (layout.roots.length === 0 && policy.noRoots === 'refuse') throw new CarV2Error('CARV2_NO_ROOTS', 'CAR without roots', { offset: layout.payloadStart })
  if (layout.indexOffset === undefined && policy.index === 'required') throw new CarV2Error('CARV2_NO_INDEX', 'no index present')
  const checksIndex = layout.indexOffset !== undefined && policy.index !== 'ignore'
  const countsRepeats = policy.duplicates !== 'allow'
  const columns = checksIndex || linksOf !== undefined || countsRepeats ? new IndexColumns('included') : undefined
  const roots = new RootWatch(layout.roots)
  const links = new MissingLinks()
  const counts = { blockCount: 0, identityCount: 0, unknownHashCount: 0 }
  const reader = new SectionReader(source, layout, { maxSectionBytes, maxCidBytes, signal, blocking, onProgress, data: true, zeroPadding: policy.padding === 'refuse' ? 'refuse' : 'end' })
  await eachSection(reader, (cursor) => {
    checkSection(cursor, hashes, policy, counts)
    const { window, cid, cidAt, dataAt, dataBytes } = cursor
    roots.see(window, cidAt, dataAt)
    columns?.add(window, cid, cursor.sectionOffset, cursor.headBytes, dataBytes)
    if (linksOf !== undefined && cid.codec !== RAW) links.block(CID.decode(window.slice(cidAt, dataAt)), window.subarray(dataAt, dataAt + dataBytes), linksOf)
  })
  const { payloadEnd, paddingBytes } = policy.padding === 'allow' ? reader.leave() : await reader.finish(true)
  const missingRoots = roots.missing()
  if (missingRoots.length > 0 && policy.missingRoots === 'refuse') {
    const [root] = missingRoots
    throw new CarV2Error('CARV2_ROOT_MISSING', `root is not among the blocks; cid=${String(root)}`, { offset: layout.payloadStart, cid: root?.bytes })
  }
  const built = checksIndex || countsRepeats ? columns?.finish({ payloadStart: layout.payloadStart, payloadEnd, carV1Header: undefined, source: undefined }) : undefined
  if (built !== undefined && checksIndex) await checkIndex(source, layout, built, signal)
  const duplicateCount = built !== undefined && countsRepeats ? await duplicates(built.view().entries({ signal }), policy, layout) : undefined
  const { missing, missingCount } = links.finish(columns?.groups() ?? [])
  if (policy.missingLinks === 'refuse' && missingCount > 0) {
    throw new CarV2Error('CARV2_INCOMPLETE', `links lead out of the CAR; blocks=${missingCount} first=${String(missing[0])}`, { cid: missing[0]?.bytes })
  }
  const index = checksIndex ? 'checked' : layout.indexOffset !== undefined || layout.indexFault !== undefined ? 'ignored' : 'none'
  return { layout, ...counts, payloadEnd, paddingBytes, duplicateCount, missingRoots, index, missing, missingCount, undecodable: links.undecodable }
}

const checkSection = (cursor: SectionCursor, hashes: Hashes, policy: ResolvedPolicy, counts: { blockCount: number, identityCount: number, unknownHashCount: number }): void => {
  const { hashCode } = cursor.cid
  counts.blockCount++
  if (hashCode === IDENTITY_CODE) {
    counts.identityCount++
    if (policy.identity === 'refuse') {
      const offset = cursor.payloadStart + cursor.sectionOffset
      throw new CarV2Error('CARV2_IDENTITY', `section with an identity CID; section=${offset}`, { offset, cid: cursor.window.slice(cursor.cidAt, cursor.dataAt) })
    }
  }
  if (policy.unknownHashes === 'count' && !hashes.has(hashCode)) counts.unknownHashCount++
  else checkSectionHash(cursor, hashes)
}

/** @param entries - equal ones follow each other, by offset */
const duplicates = async (entries: AsyncIterable<KeyedIndexEntry>, policy: ResolvedPolicy, layout: CarLayout): Promise<number> => {
  let count = 0
  let last: KeyedIndexEntry | undefined
  for await (const entry of entries) {
    if (last !== undefined && last.code === entry.code && sameBytes(last.digest, entry.digest)) {
      if (policy.duplicates === 'refuse') {
        const offset = layout.payloadStart + entry.sectionOffset
        throw new CarV2Error('CARV2_DUPLICATE', `block is there twice; first=${layout.payloadStart + last.sectionOffset} again=${offset}`, { offset })
      }
      count++
    }
    last = entry
  }
  return count
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.byteLength !== b.byteLength) return false
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false
  return true
}
