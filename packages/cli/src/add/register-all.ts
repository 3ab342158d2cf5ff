/** Registering one shard after another; what fails is told of it alone. */
import type { Dagstore, ShardInfo } from '@dagstore/dagstore'

export interface Registration {
  readonly key: string
  readonly mountUrl: string
  readonly indexing: 'eager' | 'lazy'
}

export type Registered =
  | { readonly key: string, readonly ok: true, readonly info: ShardInfo }
  | { readonly key: string, readonly ok: false, readonly error: unknown }

export const registerAll = async function * (dagstore: Pick<Dagstore, 'register'>, items: AsyncIterable<Registration>, signal: AbortSignal): AsyncGenerator<Registered, void, undefined> {
  for await (const { key, mountUrl, indexing } of items) {
    try {
      yield { key, ok: true, info: await dagstore.register(key, mountUrl, { indexing, signal }) }
    } catch (error) {
      signal.throwIfAborted()
      yield { key, ok: false, error }
    }
  }
}
