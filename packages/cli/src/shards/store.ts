/** A command on the store that is there, or on one that it may make. */
import { type Command, Option } from 'commander'
import { type BackendOptions, type BackendUse, openBackend } from '../backend/open-backend.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import type { Terminal } from '../terminal.ts'

export const addRootOption = (command: Command): Command =>
  command.option('--root <dir>', 'folder of the store (default: DAGSTORE_PATH, else ./.dagstore)')

/** Of commands that a daemon answers too. */
export const addBackendOptions = (command: Command): Command =>
  addRootOption(command).option('--api-info <info>', 'ask this daemon, TOKEN:MULTIADDR or a URL (default: DAGSTORE_API_INFO, else the one that has the store)')

/** Of the client's commands, which say at their start which imports are broken. */
export const addClientOptions = (command: Command): Command =>
  addBackendOptions(command).addOption(new Option('--log-format <format>', 'how it is said on stderr which imports are broken (default: as the configuration says, else text)').choices(['text', 'json']))

/** @throws {CommandError} `COMMAND_NO_STORE` */
export const withExistingStore = <T>(options: BackendOptions, terminal: Terminal, work: (store: ShardBackend) => Promise<T>, { onEvent, bytesPerSecond }: Pick<BackendUse, 'onEvent' | 'bytesPerSecond'> = {}): Promise<T> =>
  withStore(options, terminal, work, { onEvent, bytesPerSecond })

/** Makes it where there is none, and says so. */
export const withAnyStore = <T>(options: BackendOptions, terminal: Terminal, work: (store: ShardBackend) => Promise<T>, { onEvent }: Pick<BackendUse, 'onEvent'> = {}): Promise<T> =>
  withStore(options, terminal, work, { onEvent, makes: true })

const withStore = async <T>(options: BackendOptions, terminal: Terminal, work: (store: ShardBackend) => Promise<T>, use: BackendUse): Promise<T> => {
  const store = await openBackend(options, terminal, use)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
