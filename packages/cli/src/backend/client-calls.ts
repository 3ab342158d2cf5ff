/** What the commands of a client ask, in the shapes of the RPC: imports, deals and retrievals of the store, or of a daemon. */
import type { CallOptions } from '@dagstore/io'
import type { ImportRes, LotusClientApi } from '@dagstore/lotus-api'

/** Those of Lotus and ours, and what has no place in a message. */
export interface ClientCalls extends LotusClientApi {
  /** Import content that comes as a stream, such as standard input: all of it is copied. */
  importStream (content: AsyncIterable<Uint8Array>, options?: CallOptions): Promise<ImportRes>
}
