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
import { SectionWindows } from './section-windows.ts'

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

/**
 * Makes a function that gives verified blocks. `undefined`: nothing is known, and another path has to tell. One lookup and one
 * read are made at a time: what comes for one caller mostly has what the others wait for.
 */
export const createReadAhead = ({ section, index, hashes, wholeCid, maxBytes }: ReadAheadParts): (cid: CID, signal: AbortSignal | undefined) => Promise<Uint8Array | undefined> => {
  const { source, layout, limits } = section
  const windows = new SectionWindows({ limits, wholeCid, maxBytes: 2 * maxBytes })
  const inTurn = createKeyLock()
  /** Where the whole sections of the last read ended, from the start of the payload. */
  let nextAt: number | undefined
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
  const read = async (offset: number, length: number, signal: AbortSignal | undefined): Promise<void> => {
    const end = index.view.facts.payloadEnd ?? layout.payloadBytes
    const bytes = await source.read(layout.payloadStart + offset, Math.min(length, end - offset), { signal })
    nextAt = offset + windows.add(bytes)
  }
  const grow = (): void => { step = Math.min(maxBytes, Math.max(FIRST_BYTES, step * GROWTH)) }

  const find = async (cid: CID, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> => {
    if (isRun && nextAt !== undefined && nextAt < (index.view.facts.payloadEnd ?? layout.payloadBytes)) {
      grow()
      await read(nextAt, step, signal)
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
    if (gap >= 0 && gap <= step) grow()
    else step = 0
    await read(sectionOffset, Math.max(length, step), signal)
    return take(cid)
  }

  return async (cid, signal) => take(cid) ?? inTurn('', async () => {
    signal?.throwIfAborted()
    const come = take(cid)
    if (come !== undefined) return come
    try {
      return await find(cid, signal)
    } catch {
      signal?.throwIfAborted()
      isRun = false
      return undefined // what it is, the other path tells
    }
  }, signal)
}
