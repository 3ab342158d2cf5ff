/** The CAR bytes of an item that become its piece: the CAR as it is, or the payload form of what was imported. */
import { type CarLayout, readLayout, refuseReferences } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { payloadForm } from '@dagstore/dag'
import type { Hashes } from '@dagstore/hashes'
import { type ByteSource, readChunks } from '@dagstore/io'
import { openFileSource } from '@dagstore/io/node'
import type { CID } from 'multiformats/cid'

export interface Payload {
  /** `undefined` until it has been streamed once. */
  readonly sizeBytes: number | undefined
  /** The bytes in order; each call starts anew and gives the same bytes. */
  stream (signal: AbortSignal): AsyncIterable<Uint8Array>
  close (): Promise<void>
}

export interface CarPayload extends Payload {
  readonly layout: CarLayout
  /** The whole file. */
  readonly source: ByteSource
}

/** A CARv1 file: all its bytes, zero padding included. A CARv2 file: its CARv1 payload. */
export const carPayload = async (path: string): Promise<CarPayload> => {
  const source = await openFileSource(path)
  try {
    const layout = await readLayout(source)
    await refuseReferences(source, layout, path)
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

/** The payload form of the DAG under `root` in a CARv2 file of ours; `data` is closed with it. */
export const importedPayload = async (data: ByteSource, root: CID, hashes: Hashes): Promise<Payload> => {
  const car = await openIndexMount({ data }, { hashes })
  return {
    sizeBytes: undefined,
    stream: (signal) => payloadForm(car.blockstore, root, { signal, verify: 'never' }), // the mount has hashed every block
    close: () => car.close(),
  }
}
