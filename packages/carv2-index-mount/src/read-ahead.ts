/**
 * Reading a block together with those that follow it in the CAR, for sources where a request costs more than bytes do.
 *
 * A DAG is mostly written in the order in which it is walked. So the first block is read alone; while the next one asked for
 * lies where the last read ended, or shortly behind, reads grow fourfold. What they bring is found by the CIDs in its sections,
 * without the index, whose entries lie in the order of digests, each on another page. Once a read was continued exactly where it
 * ended, the next one is made without asking the index at all.
 */
import { createKeyLock } from '@dagstore/io'
import type { Hashes } from '@dagstore/hashes'
import type { CID } from 'multiformats/cid'
import type { MountedIndex } from './mounted-index.ts'
import { type SectionBytes, spanOf } from './section-read.ts'
import { type CutSection, SectionWindows } from './section-windows.ts'

export interface ReadAheadParts {
  readonly section: SectionBytes
  readonly index: MountedIndex
  readonly hashes: Hashes | undefined
  readonly wholeCid: boolean
  /** Of one read, at most, but for a block that is longer. Twice that is kept. */
  readonly maxBytes: number
}

/** The first read of more than one block. */
const FIRST_BYTES = 1 << 16
const GROWTH = 4
const NOTHING: CutSection = { bytes: new Uint8Array(0), missingBytes: 0 }

/**
 * Makes a function that gives verified blocks. `undefined`: nothing is known, and another path has to tell. One lookup and one
 * read are made at a time: what comes for one caller mostly has what the others wait for.
 */
export const createReadAhead = ({ section, index, hashes, wholeCid, maxBytes }: ReadAheadParts): (cid: CID, signal: AbortSignal | undefined) => Promise<Uint8Array | undefined> => {
  const { source, layout, limits } = section
  const windows = new SectionWindows({ limits, wholeCid, maxBytes: 2 * maxBytes })
  const inTurn = createKeyLock()
  /** Where the whole sections of the last read ended, from the start of the payload, and what was read of the next one. */
  let nextAt: number | undefined
  let cut: CutSection = NOTHING
  /** Length of the last read of more than one block; 0: it was of one. */
  let step = 0
  /** The last read went on where the one before it had ended. */
  let isRun = false

  const take = (cid: CID): Uint8Array | undefined => {
    const data = windows.take(cid)
    if (data === undefined || hashes === undefined) return data
    const { code, digest } = cid.multihash
    return hashes.has(code) && hashes.matches(code, digest, data) ? data : undefined
  }
  /** @param head - what is at hand from `offset` on. @param length - of what is read behind it */
  const read = async (offset: number, head: Uint8Array, length: number, signal: AbortSignal | undefined): Promise<void> => {
    const at = offset + head.byteLength
    const rest = await source.read(layout.payloadStart + at, Math.min(length, payloadEnd() - at), { signal })
    const bytes = head.byteLength === 0 ? rest : joined(head, rest)
    cut = windows.add(bytes)
    nextAt = offset + bytes.byteLength - cut.bytes.byteLength
  }
  const payloadEnd = (): number => index.view.facts.payloadEnd ?? layout.payloadBytes
  /** @param length - of the section that is wanted; another one like it shall come with it */
  const grow = (length: number): void => { step = Math.min(maxBytes, Math.max(FIRST_BYTES, step * GROWTH, 2 * length)) }

  const find = async (cid: CID, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> => {
    if (isRun && nextAt !== undefined && nextAt + cut.bytes.byteLength < payloadEnd()) {
      grow(0)
      const from = nextAt
      await read(nextAt, cut.bytes, Math.max(step, cut.missingBytes), signal)
      // the next section is longer than what was read
      if (nextAt === from && cut.missingBytes > 0) await read(nextAt, cut.bytes, cut.missingBytes, signal)
      const data = take(cid)
      if (data !== undefined) return data
      isRun = false
    }
    const [entry] = await index.find(cid.multihash.bytes, 1, signal)
    if (entry?.headBytes === undefined || entry.dataBytes === undefined) return undefined
    const { length } = spanOf(section, entry, 'section')
    const { sectionOffset } = entry
    const gap = nextAt === undefined ? -1 : sectionOffset - nextAt
    isRun = gap === 0
    if (gap >= 0 && gap <= step) grow(length)
    else step = 0
    const head = isRun ? cut.bytes : NOTHING.bytes
    await read(sectionOffset, head, Math.max(length - head.byteLength, step), signal)
    const data = take(cid)
    // what is no section is not carried from read to read
    if (data === undefined) forget()
    return data
  }
  const forget = (): void => {
    isRun = false
    cut = NOTHING
  }

  return async (cid, signal) => take(cid) ?? inTurn('', async () => {
    signal?.throwIfAborted()
    const come = take(cid)
    if (come !== undefined) return come
    try {
      return await find(cid, signal)
    } catch {
      signal?.throwIfAborted()
      forget()
      return undefined // what it is, the other path tells
    }
  }, signal)
}

const joined = (head: Uint8Array, rest: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(head.byteLength + rest.byteLength)
  bytes.set(head)
  bytes.set(rest, head.byteLength)
  return bytes
}
