/** A DAG written to disk as a CAR, in one walk: whole or not at all. */
import { type FileHandle, open } from 'node:fs/promises'
import type { BlockGetter } from '@dagstore/dag'
import { carPayload, type CarStreamOptions, createCarIndex, START_BYTES } from '../car-stream.ts'
import { filed, withDraft } from './draft.ts'

export interface CarReport {
  readonly blocks: number
  /** Of their data. */
  readonly bytes: number
  /** Of the file. */
  readonly sizeBytes: number
}

/**
 * Write the DAG under `root` to the file `path`, which must not exist; its folder must. The bytes are those of `carStream`. It is written beside
 * it under a temporary name and synced, then renamed: on failure or abort nothing stays.
 *
 * @throws {RetrievalError} `RETRIEVAL_TARGET_EXISTS`
 * @throws {IoError} `IO_NOT_FOUND` (no such folder), `IO_FORBIDDEN`, `IO_FULL`, `IO_FAILED`; what `carStream` throws
 */
export const exportCarTo = async (store: BlockGetter, path: string, options: CarStreamOptions): Promise<CarReport> => withDraft(path, options, async (draft) => {
  const { signal, version = 1 } = options
  let report = { doneBlocks: 0, doneBytes: 0 }
  const file = await filed('create', path, () => open(draft, 'wx'))
  try {
    const index = version === 2 ? createCarIndex(options) : undefined
    let at = index === undefined ? 0 : START_BYTES
    const write = async (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> => {
      for await (const chunk of chunks) {
        signal?.throwIfAborted()
        await filed('write', path, () => writeAll(file, chunk, at))
        at += chunk.byteLength
      }
    }
    await write(carPayload(store, { ...options, onProgress: (progress) => { report = progress; options.onProgress?.(progress) } }, index))
    if (index !== undefined) {
      const { start, chunks } = await index.finish()
      await write(chunks())
      await filed('write', path, () => writeAll(file, start, 0))
    }
    await filed('sync', path, () => file.sync())
    return { blocks: report.doneBlocks, bytes: report.doneBytes, sizeBytes: at }
  } finally {
    await file.close()
  }
})

const writeAll = async (file: FileHandle, bytes: Uint8Array, position: number): Promise<void> => {
  for (let at = 0; at < bytes.byteLength;) at += (await file.write(bytes, at, bytes.byteLength - at, position + at)).bytesWritten
}
