/** What a registration may ask for beside a key and a mount. */
import type { CallOptions } from '@dagstore/io'
import type { LocalCopy } from './machine/index.ts'

export interface RegisterOptions extends CallOptions {
  /** `eager`: resolves when the shard is indexed, rejects when that fails (the shard stays registered). @default 'lazy' */
  readonly indexing?: 'eager' | 'lazy' | undefined
  /**
   * A file with the same bytes as the mount, which saves the first fetch. `borrow`: read while it is there, never deleted.
   * `move`, `link`: it, or a second name of it, becomes the store's, durably on return. A store without local files refuses it.
   * Where it cannot be taken the call rejects, and the shard is registered without it. Of no meaning for a key that is there.
   */
  readonly localCopy?: LocalCopy | undefined
}
