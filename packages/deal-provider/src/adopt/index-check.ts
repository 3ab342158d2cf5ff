/** Whether an index of a Go DAG store can be believed: its structure throughout, and some of its entries against data that are at hand. */
import { CarV2Error, decodeVarint, type IndexView, openIndex, parseCid, readLayout } from '@dagstore/carv2'
import { type ByteSource, type CallOptions, type Directory, IoError } from '@dagstore/io'

/** `well`: sorted, with legal offsets, and no entry was found wrong. */
export type IndexVerdict =
  | { readonly is: 'well' }
  | { readonly is: 'missing' }
  | { readonly is: 'damaged', readonly reason: string }
  /** The data are a CAR, and the index leads elsewhere in it: one of the two is not of this shard. */
  | { readonly is: 'contradicted', readonly reason: string }

/** Entries compared with the data, of so many from the front: digests are uniform, so these lie anywhere. */
const SAMPLES = 64
const FRONT_ENTRIES = 4096
/** Length varint and CID. */
const HEAD_BYTES = 128

/**
 * @param name - of the index in `directory`
 * @param data - a CAR with the bytes of the shard; `undefined`: none is at hand
 * @throws {IoError} the index or the data cannot be read
 */
export const checkIndex = async (directory: Directory, name: string, data: ByteSource | undefined, options: CallOptions): Promise<IndexVerdict> => {
  let source: ByteSource
  try {
    source = await directory.openSource(name, options)
  } catch (error) {
    if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return { is: 'missing' }
    throw error
  }
  try {
    await using view = await openIndex(source, options)
    for await (const _ of view.digests(options)) { /* each is checked as it comes */ }
    const reason = data === undefined ? undefined : await contradiction(view, data, options)
    return reason === undefined ? { is: 'well' } : { is: 'contradicted', reason }
  } catch (error) {
    if (error instanceof CarV2Error) return { is: 'damaged', reason: `${error.code}: ${error.message}` }
    throw error
  } finally {
    await source.close()
  }
}

/** Whether the bytes begin as a CAR does. @throws {IoError} */
export const isCar = async (data: ByteSource, options: CallOptions): Promise<boolean> => {
  try {
    await readLayout(data, options)
    return true
  } catch (error) {
    if (error instanceof CarV2Error) return false
    throw error
  }
}

const contradiction = async (view: IndexView, data: ByteSource, options: CallOptions): Promise<string | undefined> => {
  const { payloadStart, payloadBytes } = await readLayout(data, options)
  const step = Math.max(1, Math.floor(Math.min(view.facts.entryCount, FRONT_ENTRIES) / SAMPLES))
  let at = 0
  let compared = 0
  for await (const { code, digest, sectionOffset } of view.entries(options)) {
    if (at++ % step !== 0) continue
    if (sectionOffset >= payloadBytes) return `offset is behind the end of the data; offset=${sectionOffset} end=${payloadBytes}`
    const head = await data.read(payloadStart + sectionOffset, Math.min(HEAD_BYTES + digest.byteLength, payloadBytes - sectionOffset), options)
    if (!isHeadOf(head, code, digest)) return `no section of that block is there; offset=${sectionOffset}`
    if (++compared === SAMPLES) return undefined
  }
  return undefined
}

const isHeadOf = (head: Uint8Array, code: number | undefined, digest: Uint8Array): boolean => {
  try {
    const { length } = decodeVarint(head, 0)
    const { hashCode, digest: found } = parseCid(head, length)
    return (code === undefined || code === hashCode) && found.byteLength === digest.byteLength && found.every((byte, at) => byte === digest[at])
  } catch (error) {
    if (error instanceof CarV2Error) return false
    throw error
  }
}
