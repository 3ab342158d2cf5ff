/** Fetching the data of a deal from the server of its client, into its staging file. */
import type { ProviderDeal } from '@dagstore/deal-protocol'
import type { WritableFile } from '@dagstore/io'
import { openPayloadReceiver, pullPayload, TransferError } from '@dagstore/transfer'
import type { Parts } from '../parts.ts'
import type { TransferRecord } from './transfer-record.ts'

/** Resolves when `staging` is whole, a CARv2 with its index. What is there when it rejects stays there. @throws {TransferError}, {IoError} */
export const pullInto = async (parts: Parts, deal: ProviderDeal, { totalBytes, from }: TransferRecord, staging: WritableFile, signal: AbortSignal): Promise<void> => {
  const { pulls, hashes, clock, transfers } = parts
  if (pulls === undefined || totalBytes === undefined || from === undefined || deal.payloadCid === undefined) throw new TransferError('TRANSFER_REFUSED', 'nobody says where the data are')
  const receiver = await openPayloadReceiver(staging, { root: deal.payloadCid, totalBytes, hashes, owns: false, signal })
  try {
    await pullPayload(from.url, receiver, {
      token: from.token, fetch: pulls.fetch, clock, flow: pulls.flow, signal, onProgress: ({ doneBytes }) => { transfers.progress(deal, doneBytes, totalBytes) },
    })
    await receiver.finish({ signal })
  } finally {
    await receiver.close()
  }
}

/** Faults of the client's server that its owner can put right, by another proposal with another token say. */
export const mayBeMended = (error: unknown): boolean => error instanceof TransferError && MENDED.has(error.code)

const MENDED: ReadonlySet<TransferError['code']> = new Set<TransferError['code']>(['TRANSFER_UNAUTHORIZED', 'TRANSFER_EXPIRED', 'TRANSFER_REFUSED', 'TRANSFER_BAD_ANSWER', 'TRANSFER_SOURCE_FAILED'])
