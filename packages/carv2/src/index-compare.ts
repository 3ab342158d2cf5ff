/** Whether an index says the same as one that was just built. */
import { type Awaitable, type ByteSource, type CallOptions, createBytesSource } from '@dagstore/io'
import type { BuiltIndex } from './built-index.ts'
import { IDENTITY_CODE } from './cid.ts'
import { CarV2Error } from './errors.ts'
import { INDEX_SORTED, type IndexEntry, type KeyedIndexEntry } from './index-view.ts'
import { openIndex } from './open-index.ts'
import { varintBytes, writeVarint } from './varint.ts'

/**
 * Compare entry by entry, both sides in key order. Entries of identity CIDs may be missing, others may not, and none may be
 * there that was not built. The order among equal digests is free.
 *
 * @param built - with identity CIDs
 * @param payloadStart - added to the offset of a section that the index lacks
 * @throws {CarV2Error} `CARV2_INDEX_INCOMPLETE`; `CARV2_BAD_INDEX`: an entry too many; as {@link openIndex}
 */
export const compareIndex = async (index: ByteSource, built: BuiltIndex, payloadStart: number, options: CallOptions): Promise<void> => {
  const view = await openIndex(index, options)
  const ours = built.view()
  /** Whether an offset that the index lacks is that of an identity CID. */
  const isIdentity = ({ code, digest }: Group, offset: number): boolean => code === undefined
    ? plain(ours.find(identityMultihash(digest))).some((entry) => entry.sectionOffset === offset)
    : code === IDENTITY_CODE
  try {
    const found = groups(view.entries(options))
    let have = await found.next()
    for await (const want of groups(view.facts.codec === INDEX_SORTED ? sortedEntries(built) : ours.entries())) {
      const order = have.done === true ? 1 : compareKeys(have.value, want)
      if (have.done !== true && order < 0) throw tooMany(have.value)
      const group = have.done !== true && order === 0 ? have.value : undefined
      const offsets = new Set(group?.offsets)
      for (const offset of want.offsets) {
        if (offsets.delete(offset) || isIdentity(want, offset)) continue
        const place = payloadStart + offset
        throw new CarV2Error('CARV2_INDEX_INCOMPLETE', `index lacks a block; section=${place}`, { offset: place })
      }
      if (group === undefined) continue
      if (offsets.size > 0 || group.offsets.length > want.offsets.length) throw tooMany(group)
      have = await found.next()
    }
    if (have.done !== true) throw tooMany(have.value)
  } finally {
    await view.close()
  }
}

/** All offsets of one key. */
interface Group {
  readonly code: number | undefined
  readonly digest: Uint8Array
  readonly offsets: number[]
}

const groups = async function * (entries: AsyncIterable<KeyedIndexEntry>): AsyncGenerator<Group, void, undefined> {
  let group: Group | undefined
  for await (const { code, digest, sectionOffset } of entries) {
    if (group !== undefined && compareKeys(group, { code, digest }) === 0) {
      group.offsets.push(sectionOffset)
      continue
    }
    if (group !== undefined) yield group
    group = { code, digest, offsets: [sectionOffset] }
  }
  if (group !== undefined) yield group
}

/** The same index with the older codec, in its order. */
const sortedEntries = async function * (built: BuiltIndex): AsyncGenerator<KeyedIndexEntry, void, undefined> {
  const chunks = [...built.encodeStandard(INDEX_SORTED)]
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  yield * (await openIndex(createBytesSource(bytes))).entries()
}

/** The order of the entries of an index. */
const compareKeys = (a: Pick<Group, 'code' | 'digest'>, b: Pick<Group, 'code' | 'digest'>): number => {
  const byHead = (a.code ?? 0) - (b.code ?? 0) || a.digest.byteLength - b.digest.byteLength
  if (byHead !== 0) return byHead
  for (let i = 0; i < a.digest.byteLength; i++) {
    const difference = a.digest[i]! - b.digest[i]!
    if (difference !== 0) return difference
  }
  return 0
}

const identityMultihash = (digest: Uint8Array): Uint8Array => {
  const length = varintBytes(digest.byteLength)
  const out = new Uint8Array(1 + length + digest.byteLength)
  out.set(digest, writeVarint(out, 1, digest.byteLength))
  return out
}

/** Answers from memory come at once. */
const plain = (found: Awaitable<readonly IndexEntry[]>): readonly IndexEntry[] => found instanceof Promise ? [] : found

const tooMany = ({ offsets }: Group): CarV2Error =>
  new CarV2Error('CARV2_BAD_INDEX', `index lists a block that is not there; section offset=${offsets[0]}`, { offset: 0 })
