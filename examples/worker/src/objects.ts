/** Where objects are, whoever keeps them. One of these belongs to one request. */
import type { ByteSource } from '@dagstore/io'

export interface Version {
  readonly sizeBytes: number
  /** `undefined`: not known; then that of the first answer is the one to keep to. */
  readonly etag: string | undefined
}

export interface Objects {
  /** One request: the last bytes of an object, at most `length`, and which version they are of. @throws {IoError} */
  end(key: string, length: number): Promise<{ readonly version: Version, readonly bytes: Uint8Array }>
  /** No request. Reads of another version reject with `IO_SOURCE_CHANGED`. */
  open(key: string, version: Version): Promise<ByteSource>
}
