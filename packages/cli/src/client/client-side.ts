/** Imports, deals and retrievals on the root of a store, as the handlers of the RPC ask for them. */
import type { Clock } from '@dagstore/io'
import type { ClientParts } from '@dagstore/rpc/handlers'
import type { ShardStore } from '../compose.ts'
import type { Config } from '../config/config.ts'
import type { Logs } from '../log/logs.ts'

export interface ClientSideOptions {
  readonly config: Config
  readonly logs: Logs
  readonly clock: Clock
  /** Whether deals and retrievals go on by themselves; else until a call answers. */
  readonly background: boolean
}

export interface ClientSide {
  readonly parts: ClientParts
  close (): Promise<void>
}

export const openClientSide = async (_store: ShardStore, _options: ClientSideOptions): Promise<ClientSide> => ({ parts: {}, close: async () => {} })
