/** The file of an index as a daemon gives it, part by part. */
import { type ByteSource, checkRange, IoError } from '@dagstore/io'
import type { LotusApi } from '@dagstore/lotus-api'

/** Most of one answer. */
const PART_BYTES = 1 << 20

/** @throws {RemoteError} `INDEX_MISSING` and others of the index repo */
export const openRemoteIndex = async ({ DagstoreReadIndex }: Pick<LotusApi, 'DagstoreReadIndex'>, key: string, generation: number, signal?: AbortSignal): Promise<ByteSource> => {
  const { SizeBytes: sizeBytes } = await DagstoreReadIndex(key, generation, 0, 0, { signal })
  let open = true
  const close = async (): Promise<void> => { open = false }
  return {
    sizeBytes,
    identity: { kind: 'version', tag: `${key} ${generation}`, sizeBytes },
    cost: { kind: 'remote', seekBytes: PART_BYTES },
    read: async (at, length, options) => {
      if (!open) throw new IoError('IO_CLOSED', 'index is closed')
      checkRange(at, length, sizeBytes)
      const bytes = new Uint8Array(length)
      for (let done = 0; done < length;) {
        const { Bytes } = await DagstoreReadIndex(key, generation, at + done, Math.min(at + length, at + done + PART_BYTES), { signal: options?.signal })
        if (Bytes.byteLength === 0 || Bytes.byteLength > length - done) throw new IoError('IO_TRUNCATED', `part of an index; want=${length - done} got=${Bytes.byteLength}`)
        bytes.set(Bytes, done)
        done += Bytes.byteLength
      }
      return bytes
    },
    peek: () => undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
}
