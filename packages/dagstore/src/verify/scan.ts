/** One pass over the sections of a shard: their structure, the hashes asked for, and the index that they should have. */
import { buildIndexStream, CarV2Error, type CarLayout, type IndexStream, readLayout, type SectionInWindow } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import type { ByteProgress, ByteSource, WritableFile } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { SAMPLED_ROWS } from './compare.ts'
import { type VerifyFault, type Faults, SAMPLES, type VerifyMode } from './report.ts'
import { createSample } from './sample.ts'

export interface ScanOrder {
  readonly mode: VerifyMode
  readonly seed: number
  readonly hashes: Hashes
  readonly scratch: () => Promise<WritableFile>
  readonly signal: AbortSignal
  readonly onProgress: (progress: ByteProgress) => void
}

export interface Scanned {
  readonly blocks: number
  readonly bytes: number
  readonly checked: number
  /** Of some blocks, up to {@link SAMPLED_ROWS}. */
  readonly multihashes: readonly Uint8Array[]
  /** `undefined`: the structure is broken, nothing can be said about the index. */
  readonly whole: { readonly layout: CarLayout, readonly payloadEnd: number, readonly index: IndexStream } | undefined
}

/** Where a block is: `at` of its section in the source. */
interface Place { readonly at: number, readonly headBytes: number, readonly dataBytes: number, readonly hashCode: number, readonly digest: Uint8Array, readonly cid: Uint8Array }

/** @throws {IoError} the source could not be read; the signal's reason */
export const scanShard = async (source: ByteSource, faults: Faults, order: ScanOrder): Promise<Scanned> => {
  const { mode, hashes, signal } = order
  const sample = createSample<Place>(SAMPLES, order.seed)
  const multihashes = createSample<Uint8Array>(SAMPLED_ROWS, order.seed + 1)
  let blocks = 0
  let checked = 0
  let bytes = 0
  const hash = (hashCode: number, digest: Uint8Array, data: Uint8Array, cid: Uint8Array, at: number): void => {
    checked++
    if (hashes.has(hashCode) && hashes.matches(hashCode, digest, data)) return
    faults.add(hashFault(hashes, hashCode, CID.decode(cid.slice()), at))
  }
  const onSection = (section: SectionInWindow): void => {
    const { window, sectionOffset, headBytes, dataBytes, dataAt, cid } = section
    blocks++
    bytes = sectionOffset + headBytes + dataBytes
    if (mode === 'full') {
      hash(cid.hashCode, window.subarray(cid.digestAt, dataAt), window.subarray(dataAt, dataAt + dataBytes), window.subarray(section.cidAt, dataAt), section.payloadStart + sectionOffset)
    }
    multihashes.see(() => window.slice(cid.multihashAt, dataAt))
    if (mode === 'sampled') sample.see(() => placeOf(section))
  }
  const rest = (): Omit<Scanned, 'whole'> => ({ blocks, bytes, checked, multihashes: multihashes.items })
  try {
    const layout = await readLayout(source, { signal, badIndex: 'report' })
    bytes = layout.headerBytes
    const index = await buildIndexStream(source, {
      layout, signal, scratch: order.scratch, data: mode === 'full', onSection,
      onProgress: ({ doneBytes }) => { order.onProgress({ doneBytes, totalBytes: layout.payloadBytes }) },
    })
    for (const { at, headBytes, dataBytes, hashCode, digest, cid } of sample.items.toSorted((a, b) => a.at - b.at)) {
      hash(hashCode, digest, await source.read(at + headBytes, dataBytes, { signal }), cid, at)
    }
    return { ...rest(), whole: { layout, payloadEnd: bytes, index } }
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    faults.add({ code: error.code, offset: error.offset, message: error.message, ...(error.cid === undefined ? {} : { cid: CID.decode(error.cid).toString() }) })
    return { ...rest(), whole: undefined }
  }
}

const placeOf = ({ window, payloadStart, sectionOffset, headBytes, dataBytes, dataAt, cidAt, cid }: SectionInWindow): Place =>
  ({ at: payloadStart + sectionOffset, headBytes, dataBytes, hashCode: cid.hashCode, digest: window.slice(cid.digestAt, dataAt), cid: window.slice(cidAt, dataAt) })

const hashFault = (hashes: Hashes, hashCode: number, cid: CID, offset: number): VerifyFault => hashes.has(hashCode)
  ? { code: 'BLOCKSTORE_HASH_MISMATCH', offset, cid: cid.toString(), message: 'data does not hash to its CID' }
  : { code: 'BLOCKSTORE_UNKNOWN_HASH', offset, cid: cid.toString(), message: `no hasher; hash=0x${hashCode.toString(16)}` }
