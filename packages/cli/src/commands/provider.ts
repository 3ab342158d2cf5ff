/** Commands of a storage provider, in the order of the help text. */
import { type LazyCommand, lazyGroup } from './lazy.ts'
import { PIECES_COMMANDS } from './pieces.ts'

export const PROVIDER_COMMANDS: readonly LazyCommand[] = [
  { names: ['migrate'], load: async () => (await import('../migrate/command.ts')).addMigrateCommand },
  { names: ['adopt'], load: async () => (await import('../migrate/adopt.ts')).addAdoptCommand },
  PIECES_COMMANDS,
  lazyGroup('storage-deals', 'storage deals that the store has taken', [
    { names: ['list'], load: async () => (await import('../deals/list.ts')).addDealsListCommand },
    { names: ['accept'], load: async () => (await import('../deals/accept.ts')).addAcceptCommand },
    { names: ['import-data'], load: async () => (await import('../deals/import-data.ts')).addImportDataCommand },
  ]),
  lazyGroup('retrieval-deals', 'retrievals that a daemon serves', [
    { names: ['list'], load: async () => (await import('../retrieval-deals/list.ts')).addRetrievalDealsListCommand },
  ]),
  lazyGroup('data-transfers', 'data of deals on their way', [
    { names: ['list'], load: async () => (await import('../transfers/provider.ts')).addDataTransfersListCommand },
    { names: ['restart'], load: async () => (await import('../transfers/provider.ts')).addDataTransfersRestartCommand },
    { names: ['cancel'], load: async () => (await import('../transfers/provider.ts')).addDataTransfersCancelCommand },
  ]),
]
