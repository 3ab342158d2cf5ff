/** One pass over the sections of a shard: their structure, the hashes asked for, and the index that they should have. */
import { CarV2Error, createIndexStreamBuilder, type CarLayout, type IndexStream, parseCid, readLayout, scanSections, type Section } from '@dagstore/carv2'
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

type Place = Pick<Section, 'sourceOffset' | 'headBytes' | 'dataBytes' | 'cid'>

/** @throws {IoError} the source could not be read; the signal's reason */
export const scanShard = async (source: ByteSource, faults: Faults, order: ScanOrder): Promise<Scanned> => {
  const { mode, hashes, signal } = order
  const sample = createSample<Place>(SAMPLES, order.seed)
  const multihashes = createSample<Uint8Array>(SAMPLED_ROWS, order.seed + 1)
  const builder = createIndexStreamBuilder({ scratch: order.scratch })
  let blocks = 0
  let checked = 0
  let bytes = 0
  const hash = (place: Place, data: Uint8Array): void => {
    checked++
    const fault = hashFault(hashes, place, data)
    if (fault !== undefined) faults.add(fault)
  }
  try {
    const layout = await readLayout(source, { signal, badIndex: 'report' })
    bytes = layout.headerBytes
    const sections = scanSections(source, layout, {
      data: mode === 'full', signal, onProgress: ({ doneBytes }) => { order.onProgress({ doneBytes, totalBytes: layout.payloadBytes }) },
    })
    for (;;) {
      const step = await sections.next()
      if (step.done === true) {
        const { payloadEnd } = step.value
        for (const place of mode === 'sampled' ? sample.items.toSorted((a, b) => a.sourceOffset - b.sourceOffset) : []) {
          hash(place, await source.read(place.sourceOffset + place.headBytes, place.dataBytes, { signal }))
        }
        const index = await builder.finish({ payloadStart: layout.payloadStart, payloadEnd, carV1Header: undefined, source: undefined })
        return { blocks, bytes: payloadEnd, checked, multihashes: multihashes.items, whole: { layout, payloadEnd, index } }
      }
      const section = step.value
      const { sectionOffset, sourceOffset, headBytes, dataBytes, cid, data } = section
      blocks++
      bytes = sectionOffset + headBytes + dataBytes
      if (data !== undefined) hash(section, data)
      multihashes.see(() => parseCid(cid, 0).multihash)
      if (mode === 'sampled') sample.see(() => ({ sourceOffset, headBytes, dataBytes, cid }))
      const room = builder.add(section)
      if (room !== undefined) await room
    }
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    faults.add({ code: error.code, offset: error.offset, message: error.message, ...(error.cid === undefined ? {} : { cid: CID.decode(error.cid).toString() }) })
    return { blocks, bytes, checked, multihashes: multihashes.items, whole: undefined }
  }
}

const hashFault = (hashes: Hashes, { cid, sourceOffset: offset }: Place, data: Uint8Array): VerifyFault | undefined => {
  const { hashCode, digest } = parseCid(cid, 0)
  if (!hashes.has(hashCode)) {
    return { code: 'BLOCKSTORE_UNKNOWN_HASH', offset, cid: CID.decode(cid).toString(), message: `no hasher; hash=0x${hashCode.toString(16)} section=${offset}` }
  }
  if (hashes.matches(hashCode, digest, data)) return undefined
  return { code: 'BLOCKSTORE_HASH_MISMATCH', offset, cid: CID.decode(cid).toString(), message: `data does not hash to its CID; section=${offset}` }
}
