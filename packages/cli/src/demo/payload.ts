/** The bytes of a CAR that become its piece. */
import { type CarLayout, readLayout, refuseReferences } from '@dagstore/carv2'
import { type ByteSource, readChunks } from '@dagstore/io'
import { openFileSource } from '@dagstore/io/node'

export interface CarPayload {
  readonly layout: CarLayout
  /** The whole file. */
  readonly source: ByteSource
  readonly sizeBytes: number
  /** The bytes in order; each call starts anew and gives the same bytes. */
  stream (signal: AbortSignal): AsyncIterable<Uint8Array>
  close (): Promise<void>
}

/** A CARv1 file: all its bytes, zero padding included. A CARv2 file: its CARv1 payload. */
export const carPayload = async (path: string): Promise<CarPayload> => {
  const source = await openFileSource(path)
  try {
    const layout = await readLayout(source)
    await refuseReferences(source, layout, 'the file')
    return {
      layout,
      source,
      sizeBytes: layout.payloadBytes,
      stream: (signal) => readChunks(source, layout.payloadStart, layout.payloadStart + layout.payloadBytes, { signal }),
      close: () => source.close(),
    }
  } catch (error) {
    await source.close()
    throw error
  }
}
