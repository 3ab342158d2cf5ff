/** A client command on the store that is there, or on one that it may make; or on the daemon that has it. */
import type { ClientCalls } from '../backend/client-calls.ts'
import type { BackendOptions } from '../backend/open-backend.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { withAnyStore, withExistingStore } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'

export interface AskedClient {
  readonly calls: ClientCalls
  /** Whether files have the names here that they have where the calls are answered. */
  readonly isHere: boolean
  /** Whether what is begun goes on when this process has ended. */
  readonly goesOn: boolean
}

/** @throws {CommandError} `COMMAND_NO_STORE` */
export const withClient = <T>(options: BackendOptions, terminal: Terminal, work: (client: AskedClient) => Promise<T>): Promise<T> =>
  withExistingStore(options, terminal, async (store) => work(await sideOf(store)))

/** Makes the store where there is none, and says so. */
export const withAnyClient = <T>(options: BackendOptions, terminal: Terminal, work: (client: AskedClient) => Promise<T>): Promise<T> =>
  withAnyStore(options, terminal, async (store) => work(await sideOf(store)))

const sideOf = async ({ client, root, daemon }: ShardBackend): Promise<AskedClient> => ({ calls: await client(), isHere: root !== undefined, goesOn: daemon !== undefined })
