/** The sections of a CARv1 of unknown length, out of a stream. */
import { CarV2Error, decodeCarV1Header, decodeVarint } from '@dagstore/carv2'
import { TransferError } from './errors.ts'
import { joined } from './section-bytes.ts'
import { type CutSection, SectionCutter } from './section-cutter.ts'

/** A gateway names one root, or none; more is not waited for. */
const MAX_HEADER_BYTES = 1 << 13
const MAX_VARINT_BYTES = 8
const NO_HEADER = new Uint8Array(0)

/**
 * Each section as it is there. Roots of the header count for nothing: gateways differ in what they write there.
 *
 * @throws {TransferError} `TRANSFER_BAD_SECTION`, `TRANSFER_TOO_LARGE`; `TRANSFER_BAD_ANSWER`: no CARv1. `TRANSFER_TRUNCATED`: it ends inside
 *   of a section; what the stream throws
 */
export async function * carSections (chunks: AsyncIterable<Uint8Array>, maxSectionBytes: number): AsyncGenerator<CutSection, void, undefined> {
  let head: Uint8Array = NO_HEADER
  let cutter: SectionCutter | undefined
  let came = 0
  let end = 0
  for await (const chunk of chunks) {
    came += chunk.byteLength
    let rest = chunk
    if (cutter === undefined) {
      head = head.byteLength === 0 ? chunk : joined([head, chunk], head.byteLength + chunk.byteLength)
      const headerBytes = headerLength(head)
      if (headerBytes === undefined) continue
      rest = head.subarray(headerBytes)
      end = headerBytes
      cutter = new SectionCutter({ from: headerBytes, skipTo: headerBytes, header: NO_HEADER, totalBytes: Infinity, maxSectionBytes })
    }
    for (const section of cutter.push(rest)) {
      end = section.end
      yield section
    }
  }
  if (cutter === undefined || end < came) throw new TransferError('TRANSFER_TRUNCATED', `the CAR ends inside of a section; at=${came}`)
}

/** `undefined`: not all of it is there. */
const headerLength = (head: Uint8Array): number | undefined => {
  try {
    const { value, length } = decodeVarint(head)
    if (value === 0 || value > MAX_HEADER_BYTES) throw bad(`a header of another length; max=${MAX_HEADER_BYTES} got=${value}`)
    if (head.byteLength < length + value) return undefined
    const { version } = decodeCarV1Header(head.subarray(length, length + value))
    if (version !== 1) throw bad(`a CAR of another version; got=${version}`)
    return length + value
  } catch (cause) {
    if (!(cause instanceof CarV2Error)) throw cause
    if (cause.code === 'CARV2_TRUNCATED' && head.byteLength < MAX_VARINT_BYTES) return undefined
    throw bad('no CAR', cause)
  }
}

const bad = (what: string, cause?: unknown): TransferError => new TransferError('TRANSFER_BAD_ANSWER', what, cause === undefined ? {} : { cause })
