/** Whether an index file is, byte for byte, one that was just built. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import { FOOTER_BYTES } from './index-footer.ts'
import type { IndexStream } from './index-stream.ts'

/**
 * Compare all but the footer, which also names the source: what it says is in the facts of the view. Costs one reading of the
 * file. `false` tells nothing of what is different; comparing the entries does.
 *
 * @throws {IoError} of the file, or of the scratch file of `built`; the signal's reason
 */
export const isSameIndex = async (file: ByteSource, built: IndexStream, { signal }: CallOptions = {}): Promise<boolean> => {
  if (file.sizeBytes !== built.sizeBytes) return false
  const end = built.sizeBytes - FOOTER_BYTES
  let at = 0
  for await (const chunk of built.encode({ signal })) {
    const length = Math.min(chunk.byteLength, end - at)
    if (length <= 0) return true
    if (!startsWith(chunk, file.peek(at, length) ?? await file.read(at, length, { signal }))) return false
    at += length
  }
  return true
}

const startsWith = (bytes: Uint8Array, start: Uint8Array): boolean => {
  for (let at = 0; at < start.byteLength; at++) if (bytes[at] !== start[at]) return false
  return true
}
