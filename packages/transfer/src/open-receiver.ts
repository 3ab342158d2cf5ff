/// <reference lib="esnext.disposable" preserve="true" />
/** A file, opened for a payload. */
import { encodeCarV1Header } from '@dagstore/carv2'
import { createHashes, type Hashes } from '@dagstore/hashes'
import type { CallOptions, WritableFile } from '@dagstore/io'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import type { FinalizedFacts } from '@dagstore/writable-carv2'
import type { CID } from 'multiformats/cid'
import { TransferError } from './errors.ts'
import type { PayloadReceiver } from './payload-receiver.ts'
import { openStaging } from './staging-file.ts'
import { UnfinishedPayload } from './unfinished-payload.ts'

export interface PayloadReceiverOptions extends CallOptions {
  readonly root: AnyCid
  /** Of the whole payload, as it was agreed upon. */
  readonly totalBytes: number
  /** @default createHashes() */
  readonly hashes?: Hashes | undefined
  /** Longest section in bytes, its CID counted; a resumed file keeps its own. @default 8 MiB */
  readonly maxSectionBytes?: number | undefined
  /** Close the file with the receiver. @default true */
  readonly owns?: boolean | undefined
}

/**
 * Open a file for the payload of a DAG: an empty one, one that was left unfinished (what is torn at its end is cut off; blocks with links are
 * read again, raw leaves are not), or one that is finished, which is left as it is. When it rejects, `file` stays the caller's.
 *
 * @throws {TransferError} `TRANSFER_OTHER`: the file holds something else, or is no such file; `TRANSFER_TOO_LARGE`: not a size of a payload
 * @throws {IoError}
 */
export const openPayloadReceiver = async (file: WritableFile, options: PayloadReceiverOptions): Promise<PayloadReceiver> => {
  const { totalBytes, hashes = createHashes(), maxSectionBytes = 8 << 20, owns = true, signal } = options
  const root = toCid(options.root)
  const least = encodeCarV1Header([root]).byteLength + root.bytes.byteLength
  if (!Number.isSafeInteger(totalBytes) || totalBytes < least) throw new TransferError('TRANSFER_TOO_LARGE', `no size of a payload; min=${least} got=${totalBytes}`)
  const staging = await openStaging(file, { root, totalBytes, hashes, maxSectionBytes, signal })
  const close = async (): Promise<void> => { if (owns) await file.close() }
  if ('facts' in staging) return finished(root, totalBytes, staging.facts, close)
  const receiver = new UnfinishedPayload({ car: staging.car, root, totalBytes, hashes, maxSectionBytes, close })
  try {
    await receiver.catchUp({ signal })
    return receiver
  } catch (error) {
    await staging.car.discard()
    throw error
  }
}

const finished = (root: CID, totalBytes: number, facts: (options: CallOptions) => Promise<FinalizedFacts>, close: () => Promise<void>): PayloadReceiver => ({
  root,
  totalBytes,
  doneBytes: totalBytes,
  complete: true,
  write: async (chunks, { from, signal }) => {
    signal?.throwIfAborted()
    if (from > totalBytes) throw new TransferError('TRANSFER_GAP', `bytes before these are missing; done=${totalBytes} from=${from}`)
    let at = from
    for await (const chunk of chunks) {
      at += chunk.byteLength
      if (at > totalBytes) throw new TransferError('TRANSFER_TOO_LARGE', `more bytes than the payload has; max=${totalBytes}`)
    }
  },
  finish: (options = {}) => facts(options),
  close,
  [Symbol.asyncDispose]: close,
})
