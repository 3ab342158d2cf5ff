/** Commands on a store and its shards, in the order of the help text. */
import { AUTH_COMMANDS, CONFIG_COMMANDS } from './config.ts'
import type { LazyCommand } from './lazy.ts'

export const START_COMMANDS: readonly LazyCommand[] = [
  { names: ['demo'], load: async () => (await import('./demo.ts')).addDemoCommand },
  { names: ['add'], load: async () => (await import('../add/command.ts')).addAddCommand },
  { names: ['refresh'], load: async () => (await import('../shards/refresh.ts')).addRefreshCommand },
  { names: ['daemon'], load: async () => (await import('../daemon/command.ts')).addDaemonCommand },
  { names: ['gateway'], load: async () => (await import('../gateway/command.ts')).addGatewayCommand },
  CONFIG_COMMANDS,
  AUTH_COMMANDS,
]

export const SHARD_COMMANDS: readonly LazyCommand[] = [
  { names: ['list-shards'], load: async () => (await import('../shards/list.ts')).addListShardsCommand },
  { names: ['register-shard'], load: async () => (await import('../shards/register.ts')).addRegisterShardCommand },
  { names: ['initialize-shard'], load: async () => (await import('../shards/initialize.ts')).addInitializeShardCommand },
  { names: ['initialize-all'], load: async () => (await import('../shards/initialize-all.ts')).addInitializeAllCommand },
  { names: ['recover-shard'], load: async () => (await import('../shards/recover.ts')).addRecoverShardCommand },
  { names: ['destroy-shard'], load: async () => (await import('../shards/destroy.ts')).addDestroyShardCommand },
  { names: ['verify-shard'], load: async () => (await import('../shards/verify.ts')).addVerifyShardCommand },
  { names: ['gc'], load: async () => (await import('../shards/gc.ts')).addGcCommand },
  { names: ['lookup-pieces'], load: async () => (await import('../shards/lookup.ts')).addLookupPiecesCommand },
  { names: ['list-multihashes'], load: async () => (await import('../shards/multihashes.ts')).addListMultihashesCommand },
  { names: ['why'], load: async () => (await import('../shards/why.ts')).addWhyCommand },
  { names: ['export-shards'], load: async () => (await import('../shards/export.ts')).addExportShardsCommand },
  { names: ['import-shards'], load: async () => (await import('../shards/import.ts')).addImportShardsCommand },
  { names: ['export-indices'], load: async () => (await import('../shards/export-indices.ts')).addExportIndicesCommand },
]
