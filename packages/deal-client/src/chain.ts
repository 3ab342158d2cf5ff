/** The port to a chain: its time, addresses that sign, and funds that are set aside. */
import type { DealSignature } from '@dagstore/deal-protocol'
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** What a deal needs of an address. */
export interface DealFunds {
  /** Proposal CID: the name under which they are set aside. */
  readonly deal: CID
  readonly address: string
  /** attoFIL. */
  readonly amount: bigint
}

export interface Chain {
  /** The height now. */
  epoch(): bigint
  /** Who makes deals where nobody says so. */
  defaultAddress(options?: CallOptions): Promise<string>
  /** Sign the CBOR of a proposal. Left out: proposals go unsigned. */
  sign?(address: string, bytes: Uint8Array, options?: CallOptions): Promise<DealSignature>
  /** Set funds aside; durable on return. Asked again for the same deal, it sets no more aside. Rejects with `retry: 'later'` where there may be enough later. */
  reserveFunds(funds: DealFunds, options?: CallOptions): Promise<void>
  /** They are needed no more. Of a deal for which there are none, this is no error. */
  releaseFunds(funds: DealFunds, options?: CallOptions): Promise<void>
}
