/** What becomes of a deal at the provider: its data come, are checked, sealed for show, and registered as a shard. */
import { join } from 'node:path'
import type { ShardInfo } from '@dagstore/dagstore'
import type { PiecePlace } from '@dagstore/deal-protocol'
import { unsealedFileName } from '@dagstore/deal-provider'
import type { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'
import { showBytes } from '../text.ts'
import { follow, hasData } from './follow.ts'
import type { DemoInput } from './input.ts'
import type { ItemParts } from './item-parts.ts'
import type { MadeDeal } from './make-deal.ts'
import type { StepContext } from './steps.ts'

/** A place, and the file below the root that it is in. */
export interface SectorPlace extends PiecePlace { readonly fileName: string }

/** The bytes of an import are pushed by its client, who is at it by now; a CAR is imported where it is. */
export const transferData = async (input: DemoInput, { proposalCid, found }: MadeDeal, payloadBytes: number, { sides, signal, since }: ItemParts, step: StepContext): Promise<void> => {
  const { deals } = sides.provider
  const isFile = input.kind === 'car'
  if (found.transferred) step.reused()
  const over = new AbortController()
  const hearing = isFile ? undefined : hearBytes(sides.client.deals.transferUpdates({ signal: AbortSignal.any([signal, over.signal]) }), proposalCid, (bytes) => { step.progress(bytes, payloadBytes) })
  try {
    const at = await follow(sides, proposalCid, { signal, since }, ({ provider }) => {
      if (provider === undefined) return undefined
      return hasData(provider) ? 'here' : isFile && provider.state === 'StorageDealWaitingForData' ? 'wanted' : undefined
    })
    if (at === 'wanted') await deals.importData(proposalCid, { path: input.absolutePath, mode: 'borrow' }, { signal, onProgress: ({ doneBytes, totalBytes }) => { step.progress(doneBytes, totalBytes) } })
  } finally {
    over.abort()
    await hearing
  }
  step.say(isFile ? `${showBytes(payloadBytes)} where they are, checked` : `${showBytes(payloadBytes)} sent and checked`)
}

const hearBytes = async (updates: ReturnType<ItemParts['sides']['client']['deals']['transferUpdates']>, proposalCid: CID, tell: (bytes: number) => void): Promise<void> => {
  try {
    for await (const update of updates) if (update.type === 'transfer' && update.transfer.proposalCid.equals(proposalCid)) tell(update.transfer.sentBytes)
  } catch {
    // it is over
  }
}

/** Handed to the stand-in for sealing. */
export const placePiece = async ({ proposalCid, found }: MadeDeal, { sides, store, signal, since }: ItemParts, step: StepContext): Promise<SectorPlace> => {
  const place = await follow(sides, proposalCid, { signal, since }, ({ provider }) => {
    // what was checked has changed since
    if (provider?.state === 'StorageDealWaitingForData' && provider.transferType === 'manual') throw new CommandError('COMMAND_REFUSED', `the deal waits for other data: ${provider.message}`)
    return provider?.place
  })
  if (found.unsealed) step.reused()
  const fileName = unsealedFileName(place)
  step.say(`${fileName} of ${showBytes((await store.files.stat(fileName))?.sizeBytes ?? 0)}, at ${place.offsetPadded}`)
  return { ...place, fileName }
}

/** Registered and indexed by the deal, which is active then; a shard that was lost since, or left errored, is mended. */
export const registerShard = async (key: string, { proposalCid, found }: MadeDeal, { sides, store, signal, since }: ItemParts, step: StepContext): Promise<ShardInfo> => {
  const { dagstore } = store
  if (found.indexed) step.reused()
  await follow(sides, proposalCid, { signal, since }, ({ client, provider }) => {
    // the staged copy has gone by then
    const isAtRest = provider?.state === 'StorageDealActive' && provider.shard.state !== 'pending' && provider.staged === undefined
    return (isAtRest && client.state === 'StorageDealActive') || undefined
  })
  step.say(`lotus://${key}`)
  const now = await dagstore.shard(key)
  if (now?.health === 'available') return now
  return now?.health === 'errored' ? dagstore.recover(key, { signal }) : dagstore.register(key, `lotus://${key}`, { indexing: 'eager', signal })
}

export const describeSector = async ({ files, root }: ItemParts['store'], { fileName, offsetPadded, lengthPadded }: SectorPlace): Promise<{ path: string, offsetPadded: number, lengthPadded: number, sizeBytes: number, allocatedBytes: number }> => {
  const { sizeBytes = 0, allocatedBytes = 0 } = await files.stat(fileName) ?? {}
  return { path: join(root.label, fileName), offsetPadded, lengthPadded, sizeBytes, allocatedBytes: allocatedBytes ?? 0 }
}
