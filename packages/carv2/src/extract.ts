/** The CARv1 inside a CAR file. */
import { type ByteSource, type CallOptions, readChunks } from '@dagstore/io'
import { type CarLimits, readLayout } from './layout.ts'
import { eachSection, SectionReader } from './section-reader.ts'

export interface ExtractOptions extends CarLimits, CallOptions {
  /** Zeros behind the last section; dropping them needs a scan first, which reads them all. @default 'keep' */
  readonly padding?: 'drop' | 'keep' | undefined
}

/**
 * The CARv1 payload of a CARv1 or CARv2, byte for byte, not hashed. Each chunk belongs to the consumer.
 *
 * @throws {CarV2Error} as {@link readLayout}; with `padding: 'drop'` also as {@link scanSections}. `IO_*`
 */
export const extractPayload = async function * (source: ByteSource, options: ExtractOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, padding = 'keep' } = options
  const layout = await readLayout(source, options)
  const { payloadStart, payloadBytes } = layout
  const length = padding === 'keep' ? payloadBytes : await endOfSections(new SectionReader(source, layout, options))
  yield * readChunks(source, payloadStart, payloadStart + length, { signal })
}

const endOfSections = async (reader: SectionReader): Promise<number> => {
  await eachSection(reader, () => {})
  return (await reader.finish(true)).payloadEnd
}
