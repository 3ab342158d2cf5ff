/** A CARv2 around the payload of a CAR that is there already. */
import { type ByteProgress, type ByteSource, type CallOptions, readChunks, type WritableFile } from '@dagstore/io'
import { encodeHeader, HEADER_BYTES, PRAGMA, PRAGMA_BYTES } from './header.ts'
import { type IdentityPolicy, type IdentityPolicyName, resolveIdentityPolicy } from './identity-policy.ts'
import { type IndexForm, indexForm } from './index-form.ts'
import { indexPayload, type IndexRoom } from './indexed-payload.ts'
import { type CarLimits, readLayout } from './layout.ts'

export interface WrapOptions extends CarLimits, CallOptions, IndexForm, IndexRoom {
  /** Whether the index lists identity CIDs, and whether the header says so; the payload is what it is. @default 'full' */
  readonly identity?: IdentityPolicyName | IdentityPolicy | undefined
  /** What becomes of zeros behind the last section; all that is dropped is read first. @default 'drop' */
  readonly padding?: 'drop' | 'keep' | undefined
  /** Zeros between header and payload. @default 0 */
  readonly dataPadding?: number | undefined
  /** Zeros between payload and index; none without an index. @default 0 */
  readonly indexPadding?: number | undefined
  /** The payload is read twice and counted twice. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface WrapReport {
  readonly payloadBytes: number
  /** Entries of the index; 0 when there is none. */
  readonly entryCount: number
  /** Of the whole CARv2. */
  readonly sizeBytes: number
}

const START_BYTES = PRAGMA_BYTES + HEADER_BYTES
const ZEROS = new Uint8Array(1 << 16)

interface Plan extends WrapReport {
  /** Pragma and header. */
  readonly start: Uint8Array
  readonly dataPadding: number
  readonly indexPadding: number
  readonly payloadStart: number
  /** Read before the copy began. */
  readonly scannedBytes: number
  readonly index: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/**
 * Write a CARv2 with the payload of a CARv1 or CARv2, byte for byte. The payload and the index are durable before the
 * first bytes name them, so that a crash leaves no file that looks whole.
 *
 * @param sink - an empty file, which stays open
 * @throws {CarV2Error} as {@link buildIndex}; `IO_*`
 * @throws {RangeError} the file is not empty; a padding that is no length
 * @throws {TypeError} options that contradict each other
 */
export const wrapCar = async (source: ByteSource, sink: WritableFile, options: WrapOptions = {}): Promise<WrapReport> => {
  if (sink.sizeBytes !== 0) throw new RangeError(`file to be written; want=empty got=${sink.sizeBytes}`)
  const plan = await planWrap(source, options)
  let at = START_BYTES
  for await (const chunk of payloadAndIndex(source, plan, options)) {
    // paddings stay holes where the file system can
    if (chunk.buffer !== ZEROS.buffer) await sink.write(at, chunk)
    at += chunk.byteLength
  }
  await sink.sync()
  await sink.write(0, plan.start)
  await sink.sync()
  const { payloadBytes, entryCount, sizeBytes } = plan
  return { payloadBytes, entryCount, sizeBytes }
}

/**
 * The same bytes as {@link wrapCar} in order, for sinks that only append. Each chunk belongs to the consumer until it asks
 * for the next, and must not be written to.
 *
 * @throws as {@link wrapCar}
 */
export const wrapChunks = async function * (source: ByteSource, options: WrapOptions = {}): AsyncGenerator<Uint8Array, WrapReport, undefined> {
  const plan = await planWrap(source, options)
  yield plan.start
  yield * payloadAndIndex(source, plan, options)
  const { payloadBytes, entryCount, sizeBytes } = plan
  return { payloadBytes, entryCount, sizeBytes }
}

const planWrap = async (source: ByteSource, options: WrapOptions): Promise<Plan> => {
  const { padding = 'drop', dataPadding = 0, onProgress } = options
  const form = indexForm(options)
  const identity = resolveIdentityPolicy(options.identity)
  checkPadding('dataPadding', dataPadding)
  checkPadding('indexPadding', options.indexPadding ?? 0)
  const indexPadding = form.kind === 'none' ? 0 : options.indexPadding ?? 0
  const layout = await readLayout(source, { ...options, badIndex: 'report' })
  const dataOffset = START_BYTES + dataPadding
  const { index, payloadEnd } = await indexPayload(source, layout, form, identity, dataOffset, {
    ...options,
    onProgress: onProgress && (({ doneBytes }) => { onProgress({ doneBytes, totalBytes: 2 * layout.payloadBytes }) }),
  }, padding === 'drop')
  const payloadBytes = padding === 'keep' ? layout.payloadBytes : payloadEnd
  const indexOffset = dataOffset + payloadBytes + indexPadding
  const start = new Uint8Array(START_BYTES)
  start.set(PRAGMA)
  start.set(encodeHeader({
    fullyIndexed: form.kind !== 'none' && identity.mark,
    dataOffset,
    dataSize: payloadBytes,
    indexOffset: form.kind === 'none' ? undefined : indexOffset,
  }), PRAGMA_BYTES)
  return {
    start,
    dataPadding,
    indexPadding,
    payloadStart: layout.payloadStart,
    scannedBytes: layout.payloadBytes,
    payloadBytes,
    entryCount: index.entryCount,
    sizeBytes: indexOffset + index.sizeBytes,
    index: index.encode,
  }
}

const payloadAndIndex = async function * (source: ByteSource, plan: Plan, { signal, onProgress }: WrapOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const totalBytes = plan.scannedBytes + plan.payloadBytes
  let doneBytes = plan.scannedBytes
  yield * zeros(plan.dataPadding, signal)
  for await (const chunk of readChunks(source, plan.payloadStart, plan.payloadStart + plan.payloadBytes, { signal })) {
    yield chunk
    doneBytes += chunk.byteLength
    onProgress?.({ doneBytes, totalBytes })
  }
  yield * zeros(plan.indexPadding, signal)
  for await (const chunk of plan.index()) {
    signal?.throwIfAborted()
    yield chunk
  }
  signal?.throwIfAborted()
}

const zeros = function * (length: number, signal: AbortSignal | undefined): Generator<Uint8Array, void, undefined> {
  for (let left = length; left > 0; left -= ZEROS.byteLength) {
    signal?.throwIfAborted()
    yield ZEROS.subarray(0, Math.min(left, ZEROS.byteLength))
  }
}

/** @throws {RangeError} not a length of bytes in a file */
export const checkPadding = (name: string, bytes: number): void => {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`${name}; want=bytes from 0 got=${bytes}`)
}
