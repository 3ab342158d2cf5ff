import type { Hashes } from '@dagstore/hashes'
import type { WritableFile } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import { openPayloadReceiver, type PayloadHandler, payloadSource, pullPayload, servePayloads, TransferError } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'

export const firstUse = async (store: ReadBlockstore, root: CID, file: WritableFile, hashes: Hashes): Promise<number> => {
  const payload = await payloadSource(store, root, { hashes })
  const handler: PayloadHandler = servePayloads({ prefix: '/transfers/', find: async () => ({ payload, close: () => {} }) })
  const receiver = await openPayloadReceiver(file, { root, totalBytes: payload.sizeBytes, hashes })
  try {
    await pullPayload('http://localhost/transfers/one', receiver, { fetch: async (url, init) => await handler(new Request(url, init)) ?? new Response(null, { status: 404 }) })
    return (await receiver.finish()).blockCount
  } catch (error) {
    if (error instanceof TransferError) return -1
    throw error
  } finally {
    await receiver.close()
  }
}
