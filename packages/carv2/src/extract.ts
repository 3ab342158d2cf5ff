/** The CARv1 inside a CAR file. */
import { type ByteSource, type CallOptions, type Directory, IoError, readChunks } from '@dagstore/io'
import { CarV2Error } from './errors.ts'
import { type CarLimits, readLayout } from './layout.ts'
import { eachSection, SectionReader } from './section-reader.ts'

export interface ExtractOptions extends CarLimits, CallOptions {
  /** Zeros behind the last section; dropping them needs a scan first, which reads them all. @default 'keep' */
  readonly padding?: 'drop' | 'keep' | undefined
  /** What becomes of a source that is a CARv1 already: all of it is the payload, or `CARV2_ALREADY_V1`. @default 'pass' */
  readonly v1?: 'pass' | 'refuse' | undefined
}

/**
 * The CARv1 payload of a CARv1 or CARv2, byte for byte, not hashed. Each chunk belongs to the consumer.
 *
 * @throws {CarV2Error} as {@link readLayout}, but not for its index; `CARV2_ALREADY_V1` with `v1: 'refuse'`; with `padding: 'drop'` also as
 *   {@link scanSections}. `IO_*`
 */
export const extractPayload = async function * (source: ByteSource, options: ExtractOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, padding = 'keep', v1 = 'pass' } = options
  const layout = await readLayout(source, { ...options, badIndex: 'report' })
  if (layout.version === 1 && v1 === 'refuse') throw new CarV2Error('CARV2_ALREADY_V1', 'already a CARv1')
  const { payloadStart, payloadBytes } = layout
  const length = padding === 'keep' ? payloadBytes : await endOfSections(new SectionReader(source, layout, options))
  yield * readChunks(source, payloadStart, payloadStart + length, { signal })
}

/**
 * Write the payload of the CARv2 `from` to `to`, whole or not at all; `to` may be `from`, which is then replaced at once when
 * everything is written and durable. Needs the space of both.
 *
 * @param options.replace - whether `to` may be there already. Default: only when it is `from`
 * @throws {CarV2Error} as {@link extractPayload}; `CARV2_ALREADY_V1` unless `v1` says 'pass'
 * @throws {IoError} `IO_EXISTS`: `to` is there already; others
 */
export const extractFile = async (directory: Directory, from: string, to: string, options: ExtractOptions & { readonly replace?: boolean | undefined } = {}): Promise<{ readonly sizeBytes: number }> => {
  const { signal, replace = from === to, v1 = 'refuse' } = options
  const source = await directory.openSource(from, { signal })
  try {
    if (!replace && await directory.stat(to) !== undefined) throw new IoError('IO_EXISTS', `file exists; in=${directory.label} name=${to}`)
    return await directory.writeAtomic(to, extractPayload(source, { ...options, v1 }), { signal })
  } finally {
    await source.close()
  }
}

const endOfSections = async (reader: SectionReader): Promise<number> => {
  await eachSection(reader, () => {})
  return (await reader.finish(true)).payloadEnd
}
