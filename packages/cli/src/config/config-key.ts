/** One row of the table of keys. */
import type { ValueKind } from './values.ts'

export type SectionName = 'DAGStore' | 'Daemon' | 'Gateway' | 'Indexing' | 'Pieces' | 'Doctor' | 'Deals' | 'Client' | 'Migration'

export interface ConfigKey<T> {
  readonly section: SectionName
  /** In a file. */
  readonly name: string
  readonly kind: ValueKind<T>
  readonly default: T
  /** One or several sentences. */
  readonly help: string
  /** Option of `daemon`, of keys of `[Gateway]` that of `gateway`, that says the same. */
  readonly flag?: string
  /** Stands for the name in our environment variable, where another section has a key of this name. */
  readonly variable?: string
  /** Environment variable of Lotus that says the same; ours is `DAGSTORE_<NAME>`. */
  readonly lotusEnv?: string
  /** Of files and folders; those of a file are taken from its folder, others from the working one, `~/` from home. */
  readonly paths?: true
  /** May hold a token or a password, which is not printed. */
  readonly secret?: true
}
