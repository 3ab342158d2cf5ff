/** What the retrievals of a client are opened with. */
import type { Hashes } from '@dagstore/hashes'
import type { AnyLevel, CallOptions, Clock, FairFlow, Random } from '@dagstore/io'
import type { Retrievals } from '@dagstore/retrievals'
import type { FetchEvent } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import type { LocalDag, RetrievalNode } from './retrieval-client.ts'

export interface RetrievalClientOptions {
  /** Has a part of its own in it. */
  readonly db: AnyLevel
  /** The files; nobody else writes there. */
  readonly retrievals: Retrievals
  readonly hashes: Hashes
  /** Guard it where the URLs come from somebody else. */
  readonly fetch: typeof fetch
  readonly clock: Clock
  readonly random: Random
  /** A DAG that is here: an import. @default none is */
  readonly local?: ((root: CID, options: CallOptions) => Promise<LocalDag | undefined>) | undefined
  /** What 'ipfs' means. @default nothing */
  readonly node?: RetrievalNode | undefined
  /** Shared by those who share a rate. @default no limit */
  readonly flow?: FairFlow | undefined
  /** Retrievals under way at once; others wait. @default 16 */
  readonly maxActive?: number | undefined
  /** Rounds through all providers in a row that bring nothing. @default 8 */
  readonly attempts?: number | undefined
  /** No byte for so long is a failure. @default 30 s */
  readonly stalledMs?: number | undefined
  /** Go on at once with what was under way; `false`: when somebody asks for it. @default true */
  readonly background?: boolean | undefined
  /** What happens with whom; holds no secret. */
  readonly onEvent?: ((event: FetchEvent & { readonly id: bigint }) => void) | undefined
  /** What cannot be kept with a retrieval: a record that is damaged, a database that fails. */
  readonly onProblem?: ((problem: { readonly id: bigint, readonly error: unknown }) => void) | undefined
}
