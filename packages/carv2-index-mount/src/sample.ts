/** Whether an index belongs to some bytes, judged by some of its entries. */
import { CarV2Error, type IndexView, type KeyedIndexEntry } from '@dagstore/carv2'
import { IoError } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'
import { readHead, type SectionBytes } from './section-read.ts'

/** Sections compared. */
const SAMPLES = 64
/** Of how many entries from the front they are picked; digests are uniform, so these lie anywhere in the payload. */
const FRONT_ENTRIES = 4096
/** Reads under way at once. */
const AT_ONCE = 16

/**
 * What is wrong with the index: the first of up to 64 sections that is not where the index says, or not the block it says.
 * `undefined`: all were right.
 *
 * @param options.dispensable - an index that can not be read is wrong too
 * @throws {IoError} the bytes can not be read
 */
export const sampleIndex = async (view: IndexView, from: SectionBytes, { dispensable, signal }: { readonly dispensable: boolean, readonly signal: AbortSignal | undefined }): Promise<string | undefined> => {
  const { entryCount } = view.facts
  const step = Math.max(1, Math.floor(Math.min(entryCount, FRONT_ENTRIES) / SAMPLES))
  const samples: KeyedIndexEntry[] = []
  try {
    let at = 0
    for await (const entry of view.entries({ signal })) {
      if (at++ % step === 0) samples.push(entry)
      if (samples.length === SAMPLES) break
    }
  } catch (error) {
    if (error instanceof CarV2Error || (dispensable && error instanceof IoError)) return error.message
    throw error
  }
  for (let at = 0; at < samples.length; at += AT_ONCE) {
    const faults = await Promise.all(samples.slice(at, at + AT_ONCE).map((entry) => faultOf(entry, from, signal)))
    const fault = faults.find((fault) => fault !== undefined)
    if (fault !== undefined) return fault
  }
  return undefined
}

const faultOf = async (entry: KeyedIndexEntry, from: SectionBytes, signal: AbortSignal | undefined): Promise<string | undefined> => {
  try {
    const { cid } = await readHead(from, entry, 'head', signal)
    const same = (entry.code === undefined || entry.code === cid.hashCode) && cid.digest.byteLength === entry.digest.byteLength && cid.digest.every((byte, i) => byte === entry.digest[i])
    return same ? undefined : `it leads to another block; offset=${entry.sectionOffset}`
  } catch (error) {
    if (error instanceof BlockstoreError) return error.message
    throw error
  }
}
