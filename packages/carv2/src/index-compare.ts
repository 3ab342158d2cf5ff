/** Whether an index says the same as one that was just built. */
import { type Awaitable, type ByteSource, type CallOptions, createBytesSource } from '@dagstore/io'
import type { BuiltIndex } from './built-index.ts'
import { IDENTITY_CODE } from './cid.ts'
import { CarV2Error } from './errors.ts'
import { INDEX_SORTED, type IndexEntry, type IndexFacts, type KeyedIndexEntry } from './index-view.ts'
import { openIndex } from './open-index.ts'
import { varintBytes, writeVarint } from './varint.ts'

/**
 * Compare entry by entry, both sides in key order, and lengths where both have them. Entries of identity CIDs may be missing,
 * others may not, and none may be there that was not built. The order among equal digests is free.
 *
 * @param built - with identity CIDs
 * @param payloadStart - added to the offset of a section that the index lacks
 * @returns what the index says of itself
 * @throws {CarV2Error} `CARV2_INDEX_INCOMPLETE`; `CARV2_BAD_INDEX`: an entry too many, or another length; as {@link openIndex}
 */
export const compareIndex = async (index: ByteSource, built: BuiltIndex, payloadStart: number, options: CallOptions): Promise<IndexFacts> => {
  const view = await openIndex(index, options)
  const ours = built.view()
  /** Whether an offset that the index lacks is that of an identity CID. */
  const isIdentity = ({ code, digest }: Group, offset: number): boolean => code === undefined
    ? plain(ours.find(identityMultihash(digest))).some((entry) => entry.sectionOffset === offset)
    : code === IDENTITY_CODE
  try {
    const found = groups(view.entries(options))
    let have = await found.next()
    for await (const want of groups(view.facts.codec === INDEX_SORTED ? sortedEntries(built) : ours.entries(options))) {
      const order = have.done === true ? 1 : compareKeys(have.value, want)
      if (have.done !== true && order < 0) throw tooMany(have.value)
      const group = have.done !== true && order === 0 ? byOffset(have.value) : undefined
      compareGroup(want, group, payloadStart, isIdentity)
      if (group !== undefined) have = await found.next()
    }
    if (have.done !== true) throw tooMany(have.value)
  } finally {
    await view.close()
  }
  return view.facts
}

/** @param have - by offset, as `want` is */
const compareGroup = (want: Group, have: Group | undefined, payloadStart: number, isIdentity: (group: Group, offset: number) => boolean): void => {
  let next = 0
  let extra = false
  const count = have?.offsets.length ?? 0
  want.offsets.forEach((offset, i) => {
    while (next < count && have!.offsets[next]! < offset) {
      extra = true
      next++
    }
    if (next < count && have!.offsets[next] === offset) {
      if (differ(have!.headBytes[next], want.headBytes[i]) || differ(have!.dataBytes[next], want.dataBytes[i])) throw otherLength(offset)
      next++
    } else if (!isIdentity(want, offset)) {
      const place = payloadStart + offset
      throw new CarV2Error('CARV2_INDEX_INCOMPLETE', `index lacks a block; section=${place}`, { offset: place })
    }
  })
  if (have !== undefined && (extra || next < count)) throw tooMany(have)
}

const differ = (have: number | undefined, want: number | undefined): boolean => have !== undefined && want !== undefined && have !== want

/** All entries of one key, in columns. */
interface Group {
  readonly code: number | undefined
  readonly digest: Uint8Array
  readonly offsets: number[]
  readonly headBytes: (number | undefined)[]
  readonly dataBytes: (number | undefined)[]
}

const groups = async function * (entries: AsyncIterable<KeyedIndexEntry>): AsyncGenerator<Group, void, undefined> {
  let group: Group | undefined
  for await (const { code, digest, sectionOffset, headBytes, dataBytes } of entries) {
    if (group === undefined || compareKeys(group, { code, digest }) !== 0) {
      if (group !== undefined) yield group
      group = { code, digest, offsets: [], headBytes: [], dataBytes: [] }
    }
    group.offsets.push(sectionOffset)
    group.headBytes.push(headBytes)
    group.dataBytes.push(dataBytes)
  }
  if (group !== undefined) yield group
}

const byOffset = (group: Group): Group => {
  const { offsets, headBytes, dataBytes } = group
  if (offsets.every((offset, i) => i === 0 || offsets[i - 1]! <= offset)) return group
  const order = offsets.map((_, i) => i).sort((a, b) => offsets[a]! - offsets[b]!)
  return { ...group, offsets: order.map((i) => offsets[i]!), headBytes: order.map((i) => headBytes[i]), dataBytes: order.map((i) => dataBytes[i]) }
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

const otherLength = (offset: number): CarV2Error =>
  new CarV2Error('CARV2_BAD_INDEX', `index says another length of a block; section offset=${offset}`, { offset: 0 })
