/** Both sides of deals on the root of one store: the client asks the provider over HTTP, as if they were far from each other. */
import { systemClock } from '@dagstore/io'
import type { ShardStore } from '../compose.ts'
import { type ClientSide, openClientSide } from './client-side.ts'
import { openProviderSide, type ProviderSide } from './provider-side.ts'

export interface Sides {
  readonly provider: Pick<ProviderSide, 'deals'>
  readonly client: Omit<ClientSide, 'close'>
  /** Fires with what no deal remembers: a database that fails. */
  readonly troubled: AbortSignal
  /** The store stays open. */
  close (): Promise<void>
}

export const openSides = async (store: ShardStore, { miner }: { readonly miner: bigint }): Promise<Sides> => {
  const trouble = new AbortController()
  const common = { clock: systemClock, onProblem: (error: unknown) => { trouble.abort(error) } }
  const provider = await openProviderSide(store, { ...common, miner })
  try {
    const client = await openClientSide(store, { ...common, origin: provider.origin })
    const close = async (): Promise<void> => {
      await client.close()
      await provider.close()
    }
    return { provider, client, troubled: trouble.signal, close }
  } catch (error) {
    await provider.close()
    throw error
  }
}
