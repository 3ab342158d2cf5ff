/// <reference lib="esnext.disposable" preserve="true" />
/** A file that is written in place: a CARv2 under construction, a sector file. */

/** No {@link ByteSource}, since its bytes change. Calls may overlap; a read sees the writes that were awaited before it. */
export interface WritableFile extends AsyncDisposable {
  /** Current length, unsynced growth included. */
  readonly sizeBytes: number
  /**
   * Exactly `length` bytes from `at`, owned by the caller.
   *
   * @throws {IoError} `IO_OUT_OF_RANGE`: beyond `sizeBytes`. `IO_FAILED`. `IO_CLOSED`.
   */
  read(at: number, length: number): Promise<Uint8Array>
  /**
   * Not durable before `sync`: a crash may keep any subset of unsynced sectors of 512 bytes. Grows the file as needed; what
   * lies between the old end and `at` reads as zeros and stays a hole where the file system can. Keeps no reference.
   *
   * @throws {IoError} `IO_FULL`, `IO_FAILED`, `IO_CLOSED`
   */
  write(at: number, bytes: Uint8Array): Promise<void>
  /** Cut, or grow with a hole. */
  truncate(sizeBytes: number): Promise<void>
  /** On return all earlier writes and the length survive a power cut. @throws {IoError} `IO_FULL`, `IO_FAILED`: state of unsynced bytes unknown */
  sync(): Promise<void>
  /** Idempotent; does not sync. */
  close(): Promise<void>
}
