/** The index at the end of a CARv2: put there, put there anew, taken out as a file of its own. */
import { type ByteProgress, type ByteSource, type CallOptions, createWindow, readChunks, sourceOfFile, type WritableFile } from '@dagstore/io'
import { collectIndex } from './build-index.ts'
import { CarV2Error } from './errors.ts'
import { type CarV2Header, encodeHeader, PRAGMA_BYTES } from './header.ts'
import { type IdentityPolicy, type IdentityPolicyName, resolveIdentityPolicy } from './identity-policy.ts'
import { compareIndex } from './index-compare.ts'
import { readDirectory } from './index-directory.ts'
import { type IndexForm, indexForm } from './index-form.ts'
import { indexPayload, type IndexRoom } from './indexed-payload.ts'
import { type CarLayout, type CarLimits, readLayout } from './layout.ts'
import { checkPadding } from './wrap.ts'

export interface AttachOptions extends CarLimits, CallOptions, IndexForm, IndexRoom {
  /**
   * A detached index of this payload, perhaps the one that stands at the end of the file, whose standard bytes are held in memory
   * and attached after every entry was compared with the file; goes with no `index`, `codec`, `identity` or `scratch`. @default one is built
   */
  readonly detached?: ByteSource | undefined
  /** Whether the index lists identity CIDs, and whether the header says so. @default 'full' */
  readonly identity?: IdentityPolicyName | IdentityPolicy | undefined
  /** Zeros between payload and index. @default 0 */
  readonly indexPadding?: number | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface AttachReport {
  /** In the file; `undefined`: there is none any more. */
  readonly indexOffset: number | undefined
  readonly entryCount: number
  /** Of the whole file. */
  readonly sizeBytes: number
}

/**
 * Give a CARv2 an index, in place; one that is there, whatever is wrong with it, is replaced, and `index: 'none'` takes it
 * away. The header names no index while one is written, and names the new one once its bytes are durable: a crash leaves
 * the file with the old index, without one, or with the new one. Payload and unknown characteristics stay as they are.
 *
 * @param file - open for writing; stays open
 * @throws {CarV2Error} `CARV2_NOT_V2`: a CARv1, which has no place for an index: wrap it. As {@link buildIndex}. Of a
 *   `detached` index: as {@link openIndex}, `CARV2_INDEX_INCOMPLETE`, `CARV2_BAD_INDEX`; `offset` then counts from its start, or
 *   is the section that it lacks. Nothing is written before all of that is known. `IO_*`
 * @throws {RangeError} a padding that is no length
 * @throws {TypeError} options that contradict each other
 */
export const attachIndex = async (file: WritableFile, options: AttachOptions = {}): Promise<AttachReport> => {
  const { signal, indexPadding = 0 } = options
  checkPadding('indexPadding', indexPadding)
  const source = sourceOfFile(file)
  const layout = await readLayout(source, { ...options, badIndex: 'report' })
  if (layout.version === 1) throw new CarV2Error('CARV2_NOT_V2', 'a CARv1 has no place for an index; wrap it into a CARv2', { offset: 0 })
  const index = options.detached === undefined ? await built(source, layout, options) : await given(source, layout, options.detached, options)

  const dataEnd = layout.payloadStart + layout.payloadBytes
  const indexOffset = dataEnd + indexPadding
  await nameIndex(file, layout, undefined, false)
  await file.truncate(dataEnd)
  if (index === undefined) {
    await file.sync()
    return { indexOffset: undefined, entryCount: 0, sizeBytes: dataEnd }
  }
  let at = indexOffset
  for await (const chunk of index.chunks) {
    signal?.throwIfAborted()
    await file.write(at, chunk)
    at += chunk.byteLength
  }
  await file.sync()
  await nameIndex(file, layout, indexOffset, index.mark)
  return { indexOffset, entryCount: index.entryCount, sizeBytes: at }
}

/**
 * The index of a CARv2 as the bytes of a file of its own, which any reader of detached indices takes.
 *
 * @param options.form - all bytes to the end of the file, our trailer among them, or the standard bytes alone. Default 'all'
 * @throws {CarV2Error} `CARV2_NO_INDEX`; as {@link readLayout}; with `form: 'standard'` also as {@link openIndex}, `offset`
 *   counting from the start of the file. `IO_*`
 */
export const detachIndex = async function * (source: ByteSource, options: CarLimits & CallOptions & { readonly form?: 'all' | 'standard' | undefined } = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, form = 'all' } = options
  const { indexOffset } = await readLayout(source, options)
  if (indexOffset === undefined) throw new CarV2Error('CARV2_NO_INDEX', 'no index present')
  const end = form === 'all' ? source.sizeBytes : indexOffset + await standardBytes(source, indexOffset, signal)
  yield * readChunks(source, indexOffset, end, { signal })
}

interface Attachment {
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  readonly entryCount: number
  readonly mark: boolean
}

const built = async (source: ByteSource, layout: CarLayout, options: AttachOptions): Promise<Attachment | undefined> => {
  const form = indexForm(options)
  const identity = resolveIdentityPolicy(options.identity)
  if (form.kind === 'none') return undefined
  const { index } = await indexPayload(source, layout, form, identity, layout.payloadStart, options, false)
  return { chunks: index.encode(), entryCount: index.entryCount, mark: identity.mark }
}

const given = async (source: ByteSource, layout: CarLayout, detached: ByteSource, options: AttachOptions): Promise<Attachment> => {
  const { signal } = options
  if (options.index !== undefined || options.codec !== undefined || options.identity !== undefined || options.scratch !== undefined) throw new TypeError('a detached index is attached as it is')
  const { columns, subject } = await collectIndex(source, layout, { ...options, identityCids: 'included' }, false)
  const all = columns.finish({ ...subject, source: undefined })
  await compareIndex(detached, all, layout.payloadStart, { signal })
  const read = (at: number, length: number): Promise<Uint8Array> => detached.read(at, length, { signal })
  const { standardBytes, entryCount } = await readDirectory(read, detached.sizeBytes)
  // held, as what it was compared with was: it may stand in the very place that is written
  const chunks: Uint8Array[] = []
  for await (const chunk of readChunks(detached, 0, standardBytes, { signal })) chunks.push(chunk)
  return { chunks, entryCount, mark: entryCount === all.entryCount }
}

const standardBytes = async (source: ByteSource, indexOffset: number, signal: AbortSignal | undefined): Promise<number> => {
  const window = createWindow(source, indexOffset, source.sizeBytes - indexOffset)
  try {
    return (await readDirectory((at, length) => window.read(at, length, { signal }), window.sizeBytes)).standardBytes
  } catch (error) {
    if (!(error instanceof CarV2Error) || error.offset === undefined) throw error
    throw new CarV2Error(error.code, error.message, { cause: error, offset: indexOffset + error.offset })
  }
}

/** One write into the first sector, durable on return. */
const nameIndex = async (file: WritableFile, layout: CarLayout, indexOffset: number | undefined, fullyIndexed: boolean): Promise<void> => {
  const header: CarV2Header = { fullyIndexed, characteristics: layout.characteristics, dataOffset: layout.payloadStart, dataSize: layout.payloadBytes, indexOffset }
  await file.write(PRAGMA_BYTES, encodeHeader(header))
  await file.sync()
}
