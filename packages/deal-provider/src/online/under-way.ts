/** What is under way for deals whose data come over the network, and what fetches it. */
import type { FairFlow } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** Payloads that clients are pushing. */
export interface PushesUnderWay {
  isOpen (proposalCid: CID): boolean
  /** Ends what is under way for the deal; resolves when its file is closed. */
  end (proposalCid: CID, message: string): Promise<void>
}

/** What asks the servers of clients. */
export interface PullOptions {
  /**
   * The URL comes from whoever proposes a deal, so this must not reach what others may not: `nodeGuardedFetch` of `@dagstore/mounts/node`, or one behind
   * a proxy that sees to it.
   */
  readonly fetch: typeof fetch
  /** Shared by those who share a rate. @default no limit */
  readonly flow?: FairFlow | undefined
}
