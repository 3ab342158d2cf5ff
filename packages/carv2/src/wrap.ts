/** A CARv2 around the payload of a CAR that is there already. */
import { type ByteProgress, type ByteSource, type CallOptions, readChunks, type WritableFile } from '@dagstore/io'
import { collectIndex } from './build-index.ts'
import { encodeHeader, HEADER_BYTES, PRAGMA, PRAGMA_BYTES } from './header.ts'
import { type CarLimits, readLayout } from './layout.ts'

export interface WrapOptions extends CarLimits, CallOptions {
  /** What follows the payload: an index with our trailer, without it, or nothing. @default 'trailer' */
  readonly index?: 'trailer' | 'standard' | 'none' | undefined
  /** @default 'included' */
  readonly identityCids?: 'included' | 'excluded' | undefined
  /** What becomes of zeros behind the last section; all that is dropped is read first. @default 'drop' */
  readonly padding?: 'drop' | 'keep' | undefined
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

interface Plan extends WrapReport {
  /** Pragma and header. */
  readonly start: Uint8Array
  readonly payloadStart: number
  /** Read before the copy began. */
  readonly scannedBytes: number
  readonly index: () => Iterable<Uint8Array>
}

/**
 * Write a CARv2 with the payload of a CARv1 or CARv2, byte for byte. The payload and the index are durable before the
 * first bytes name them, so that a crash leaves no file that looks whole.
 *
 * @param sink - an empty file, which stays open
 * @throws {CarV2Error} as {@link buildIndex}; `IO_*`
 * @throws {RangeError} the file is not empty
 */
export const wrapCar = async (source: ByteSource, sink: WritableFile, options: WrapOptions = {}): Promise<WrapReport> => {
  if (sink.sizeBytes !== 0) throw new RangeError(`file to be written; want=empty got=${sink.sizeBytes}`)
  const plan = await planWrap(source, options)
  let at = START_BYTES
  for await (const chunk of payloadAndIndex(source, plan, options)) {
    await sink.write(at, chunk)
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
 * for the next.
 *
 * @throws {CarV2Error} as {@link buildIndex}; `IO_*`
 */
export const wrapChunks = async function * (source: ByteSource, options: WrapOptions = {}): AsyncGenerator<Uint8Array, WrapReport, undefined> {
  const plan = await planWrap(source, options)
  yield plan.start
  yield * payloadAndIndex(source, plan, options)
  const { payloadBytes, entryCount, sizeBytes } = plan
  return { payloadBytes, entryCount, sizeBytes }
}

const planWrap = async (source: ByteSource, options: WrapOptions): Promise<Plan> => {
  const { index = 'trailer', identityCids = 'included', padding = 'drop', onProgress } = options
  const layout = await readLayout(source, options)
  const { columns, subject } = await collectIndex(source, layout, {
    ...options,
    identityCids,
    onProgress: onProgress && (({ doneBytes }) => { onProgress({ doneBytes, totalBytes: 2 * layout.payloadBytes }) }),
  }, padding === 'drop')
  const built = columns.finish({ ...subject, payloadStart: START_BYTES, source: undefined })
  const payloadBytes = padding === 'keep' ? layout.payloadBytes : subject.payloadEnd
  const indexOffset = index === 'none' ? undefined : START_BYTES + payloadBytes
  const start = new Uint8Array(START_BYTES)
  start.set(PRAGMA)
  start.set(encodeHeader({ fullyIndexed: index !== 'none' && identityCids === 'included', dataOffset: START_BYTES, dataSize: payloadBytes, indexOffset }), PRAGMA_BYTES)
  const indexBytes = index === 'none' ? 0 : index === 'standard' ? built.standardBytes : built.sizeBytes
  return {
    start,
    payloadStart: layout.payloadStart,
    scannedBytes: layout.payloadBytes,
    payloadBytes,
    entryCount: index === 'none' ? 0 : built.entryCount,
    sizeBytes: START_BYTES + payloadBytes + indexBytes,
    index: () => index === 'none' ? [] : index === 'standard' ? built.encodeStandard() : built.encode(),
  }
}

const payloadAndIndex = async function * (source: ByteSource, plan: Plan, { signal, onProgress }: WrapOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const totalBytes = plan.scannedBytes + plan.payloadBytes
  let doneBytes = plan.scannedBytes
  for await (const chunk of readChunks(source, plan.payloadStart, plan.payloadStart + plan.payloadBytes, { signal })) {
    yield chunk
    doneBytes += chunk.byteLength
    onProgress?.({ doneBytes, totalBytes })
  }
  for (const chunk of plan.index()) {
    signal?.throwIfAborted()
    yield chunk
  }
  signal?.throwIfAborted()
}
