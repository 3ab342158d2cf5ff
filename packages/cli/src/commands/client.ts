/** `dagstore client …`: the client's side of deals, in the order of the help text. */
import { type LazyCommand, lazyGroup } from './lazy.ts'

const COMMANDS: readonly LazyCommand[] = [
  { names: ['import'], load: async () => (await import('../client/import.ts')).addImportCommand },
  { names: ['local'], load: async () => (await import('../client/local.ts')).addLocalCommand },
  { names: ['drop'], load: async () => (await import('../client/drop.ts')).addDropCommand },
  { names: ['reimport'], load: async () => (await import('../client/reimport.ts')).addReimportCommand },
  { names: ['verify'], load: async () => (await import('../client/verify.ts')).addVerifyCommand },
  { names: ['adopt'], load: async () => (await import('../client/adopt.ts')).addClientAdoptCommand },
  { names: ['generate-car'], load: async () => (await import('../client/generate-car.ts')).addGenerateCarCommand },
  { names: ['commP'], load: async () => (await import('../pieces/commp.ts')).addClientCommpCommand },
  { names: ['stat'], load: async () => (await import('../client/reading.ts')).addStatCommand },
  { names: ['ls'], load: async () => (await import('../client/reading.ts')).addLsCommand },
  { names: ['cat'], load: async () => (await import('../client/reading.ts')).addCatCommand },
  { names: ['export'], load: async () => (await import('../client/export.ts')).addExportCommand },
  { names: ['query-ask'], load: async () => (await import('../client/query-ask.ts')).addQueryAskCommand },
  { names: ['deal'], load: async () => (await import('../client/deal.ts')).addDealCommand },
  { names: ['list-deals'], load: async () => (await import('../client/list-deals.ts')).addListDealsCommand },
  { names: ['get-deal'], load: async () => (await import('../client/get-deal.ts')).addGetDealCommand },
  { names: ['list-transfers'], load: async () => (await import('../client/transfers.ts')).addListTransfersCommand },
  { names: ['restart-transfer'], load: async () => (await import('../client/transfers.ts')).addRestartTransferCommand },
  { names: ['cancel-transfer'], load: async () => (await import('../client/transfers.ts')).addCancelTransferCommand },
  { names: ['find'], load: async () => (await import('../client/find.ts')).addFindCommand },
  { names: ['retrieve'], load: async () => (await import('../client/retrieve.ts')).addRetrieveCommand },
  { names: ['list-retrievals'], load: async () => (await import('../client/retrievals.ts')).addListRetrievalsCommand },
  { names: ['cancel-retrieval'], load: async () => (await import('../client/retrievals.ts')).addCancelRetrievalCommand },
  { names: ['remove-retrieval'], load: async () => (await import('../client/retrievals.ts')).addRemoveRetrievalCommand },
  { names: ['prune-retrievals'], load: async () => (await import('../client/retrievals.ts')).addPruneRetrievalsCommand },
]

export const CLIENT_COMMANDS: LazyCommand = lazyGroup('client', 'imports, storage deals and retrievals', COMMANDS)
