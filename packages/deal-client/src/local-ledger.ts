/**
 * What stands in for a chain: it knows the time, makes up an address, and remembers what was set aside. It proves nothing, signs nothing and
 * holds no money, so that a provider must be content with that.
 *
 *     'address'              text, made once
 *     'funds' proposal CID   JSON: {"address":"f1…","amount":"1000"}
 */
import { decodeAddress } from '@dagstore/deal-protocol'
import type { AnyLevel, Clock, Random } from '@dagstore/io'
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'
import type { Chain } from './chain.ts'
import { DealClientError } from './errors.ts'

type Level = AbstractSublevel<AbstractLevel<any, any, any>, any, string, string>

const TEXT = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
const SYNC = { ...TEXT, sync: true }
/** Of Filecoin's main network, in milliseconds since 1970. */
const GENESIS_MS = 1_598_306_400_000
const EPOCH_MS = 30_000

export interface LocalLedgerOptions {
  /** Opened; any engine. Sublevel `client-ledger` is the ledger's. */
  readonly db: AnyLevel
  readonly clock: Clock
  readonly random: Random
}

/** What a ledger that is only remembered can say besides. */
export interface LocalLedger extends Chain {
  /** attoFIL that are set aside, of all deals. */
  reserved(): Promise<bigint>
}

export const createLocalLedger = ({ db, clock, random }: LocalLedgerOptions): LocalLedger => {
  const level: Level = db.sublevel('client-ledger', { ...TEXT })
  let address: Promise<string> | undefined
  const madeAddress = async (): Promise<string> => {
    const known = await level.get('address')
    if (known !== undefined) return known
    const made = decodeAddress(Uint8Array.of(1, ...random.bytes(20)))
    await level.put<string, string>('address', made, SYNC)
    return made
  }
  return {
    epoch: () => BigInt(Math.max(0, Math.floor((clock.now() - GENESIS_MS) / EPOCH_MS))),
    defaultAddress: () => {
      address ??= guard(madeAddress).catch((error: unknown) => {
        address = undefined
        throw error
      })
      return address
    },
    reserveFunds: ({ deal, address: of, amount }) => guard(() => level.put<string, string>(`funds${deal.toString()}`, JSON.stringify({ address: of, amount: amount.toString() }), SYNC)),
    releaseFunds: ({ deal }) => guard(() => level.del<string>(`funds${deal.toString()}`, SYNC)),
    reserved: () => guard(async () => {
      let sum = 0n
      for await (const text of level.values<string, string>({ gte: 'funds', lt: 'fundt', ...TEXT })) sum += BigInt((JSON.parse(text) as { amount: string }).amount)
      return sum
    }),
  }
}

const guard = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new DealClientError('DEAL_CLIENT_STORAGE_FAILED', 'the ledger failed', { cause, retry: 'later' })
  }
}
