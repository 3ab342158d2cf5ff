/// <reference lib="esnext.disposable" preserve="true" />
/** The payload of a deal as it arrives: each section hashed and held against the order of the DAG before it is in the file. */
import type { ByteProgress, CallOptions } from '@dagstore/io'
import type { FinalizedFacts } from '@dagstore/writable-carv2'
import type { CID } from 'multiformats/cid'

export interface WriteOptions extends CallOptions {
  /** Where the chunks begin, in bytes from the start of the payload; at most `doneBytes`. What is there already is skipped. */
  readonly from: number
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface PayloadReceiver extends AsyncDisposable {
  readonly root: CID
  readonly totalBytes: number
  /** Where to go on: the end of the last whole section in the file; 0 before the first. */
  readonly doneBytes: number
  /** All of the DAG is there, and nothing else. */
  readonly complete: boolean
  /**
   * Take bytes of the payload. Returns at the end of the chunks; a torn section at their end is dropped. On return, and each 64 MiB, what is
   * there is durable, also when it rejects. The next chunk is asked for when there is room for it.
   *
   * @throws {TransferError} `TRANSFER_UNREQUESTED`, `TRANSFER_HASH_MISMATCH`, `TRANSFER_BAD_SECTION`, `TRANSFER_TOO_LARGE`, `TRANSFER_OTHER`: the
   *   section is not kept, those before it are. `TRANSFER_GAP`: `from` is behind `doneBytes`. `TRANSFER_BUSY`: a write is under way.
   * @throws what `chunks` throw; {@link IoError}, `WritableCarError` of the file
   */
  write(chunks: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void>
  /** Makes it a CARv2 file with its index and one root, durable on return. @throws {TransferError} `TRANSFER_TRUNCATED`: not complete */
  finish(options?: CallOptions): Promise<FinalizedFacts>
  /** Checkpoints; the file can be opened again. Waits for a write under way. Idempotent. */
  close(): Promise<void>
}
