/** The deal about an input: the one that an earlier run has made, or a new one. */
import type { ClientDeal, DealParams } from '@dagstore/deal-client'
import { FINAL_STATES } from '@dagstore/deal-protocol'
import { IoError } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { OWN_PROVIDER } from '../client/own-provider.ts'
import { follow, hasData } from './follow.ts'
import type { DemoInput } from './input.ts'
import type { ItemParts } from './item-parts.ts'
import type { InputRecord } from './journal.ts'
import type { StepContext } from './steps.ts'

export interface DealWanted {
  readonly root: CID | undefined
  /** `manual`: the provider is given the file. */
  readonly transferType: 'http-push' | 'manual'
}

export interface MadeDeal {
  readonly proposalCid: CID
  /** What was there before this run. */
  readonly found: {
    readonly transferred: boolean
    /** An unsealed copy of the piece, of whichever deal. */
    readonly unsealed: boolean
    /** A shard of it that can be read. */
    readonly indexed: boolean
  }
}

/** Resolves when the provider has taken it on. */
export const makeDeal = async (input: DemoInput, record: InputRecord, wanted: DealWanted, parts: ItemParts, step: StepContext): Promise<MadeDeal> => {
  const { sides, store, journal, since, signal } = parts
  const { deals } = sides.client
  const unsealed = await isUnsealed(record, parts)
  const indexed = (await store.dagstore.shard(record.piece.pieceCid.toString(), { signal }))?.health === 'available'
  const note = (deal: InputRecord['deal']): Promise<void> => journal.record(input.absolutePath, input.fingerprint, { ...record, deal })
  const start = async (): Promise<ClientDeal> => {
    await checkRoom(record, wanted, unsealed, parts)
    await note('unknown')
    return deals.start({ ...wanted, ...termsOf(record), provider: OWN_PROVIDER }, { signal })
  }
  const before = await earlierDeal(record, wanted, unsealed, parts)
  const there = before === undefined ? undefined : await sides.provider.deals.deal(before.proposalCid, { signal })
  if (before !== undefined) step.reused()
  const deal = before ?? await start()
  const { proposalCid, proposal } = deal
  if (record.deal?.toString() !== proposalCid.toString()) await note(proposalCid)
  drive(deal, parts)
  await follow(sides, proposalCid, { signal, since }, ({ client }) => !PROPOSING.has(client.state) || undefined)
  step.say(`${wanted.transferType === 'manual' ? 'offline ' : ''}${proposalCid.toString()} with ${proposal.provider}`)
  return { proposalCid, found: { transferred: there !== undefined && hasData(there), unsealed, indexed } }
}

const PROPOSING: ReadonlySet<ClientDeal['state']> = new Set(['StorageDealReserveClientFunds', 'StorageDealClientFunding', 'StorageDealFundsReserved'])

const termsOf = ({ piece: { pieceCid, paddedBytes } }: InputRecord): Pick<DealParams, 'pieceCid' | 'pieceBytes'> => ({ pieceCid, pieceBytes: paddedBytes })

/** Goes on until it is active; what stops it is seen by those who follow it. */
const drive = ({ proposalCid, state, failure }: ClientDeal, { sides: { client: { deals } }, signal }: ItemParts): void => {
  if (state === 'StorageDealActive') return
  void (async () => {
    // whatever it waits for after a failure, it waits no longer
    if (failure !== undefined) await deals.restartTransfer(proposalCid, { signal }).catch(() => {}) // it transfers nothing
    await deals.settled(proposalCid, { until: 'active', signal })
  })().catch(() => {}) // told by the deal, or the run has ended
}

/** `undefined`: there is none, nothing comes of it any more, or what has become of it is lost. */
const earlierDeal = async (record: InputRecord, wanted: DealWanted, unsealed: boolean, parts: ItemParts): Promise<ClientDeal | undefined> => {
  const { sides, signal } = parts
  if (record.deal === undefined) return undefined
  if (record.deal !== 'unknown') {
    const deal = await sides.client.deals.deal(record.deal, { signal })
    return deal !== undefined && await isGood(deal, record, wanted, unsealed, parts) ? deal : undefined
  }
  // the run ended between the deal and its name
  for await (const deal of sides.client.deals.deals({ signal })) if (await isGood(deal, record, wanted, unsealed, parts)) return deal
  return undefined
}

const isGood = async (deal: ClientDeal, { piece }: InputRecord, { root, transferType }: DealWanted, unsealed: boolean, { sides, miner, signal }: ItemParts): Promise<boolean> => {
  const { proposal, proposalCid, failure } = deal
  if (deal.provider !== OWN_PROVIDER || deal.transferType !== transferType || deal.root?.toString() !== root?.toString()) return false
  if (proposal.provider !== `f0${miner}` || !proposal.pieceCid.equals(piece.pieceCid)) return false
  if (FINAL_STATES.has(deal.state) || deal.state === 'StorageDealFailing') return false
  const there = await sides.provider.deals.deal(proposalCid, { signal })
  if (there === undefined) return PROPOSING.has(deal.state) && (failure === undefined || failure.nextRetryAt !== undefined)
  if (FINAL_STATES.has(there.state) || there.state === 'StorageDealFailing') return false
  return there.place === undefined || unsealed
}

/** Where nobody can say, it is written anew. */
const isUnsealed = async ({ piece: { pieceCid } }: InputRecord, { store, signal }: ItemParts): Promise<boolean> => store.isUnsealed(pieceCid, { signal }).catch(() => {
  signal.throwIfAborted()
  return false
})

/** For the copy that waits, the sector, and what comes back; a full disk is better told before anything is begun. */
const checkRoom = async ({ piece: { payloadBytes }, retrieval }: InputRecord, { transferType }: DealWanted, unsealed: boolean, { store }: ItemParts): Promise<void> => {
  const copies = [transferType !== 'manual', !unsealed, retrieval === undefined].filter(Boolean).length
  const neededBytes = copies * payloadBytes + (2 << 20)
  const freeBytes = await store.files.freeBytes()
  if (freeBytes !== undefined && freeBytes < neededBytes) throw new IoError('IO_FULL', `not enough space for the deal; need=${neededBytes} free=${freeBytes}`, { retry: 'later' })
}
