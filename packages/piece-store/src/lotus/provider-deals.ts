/** All deals that a provider of Lotus tells of, in little memory: some 60 bytes each. */
import { pieceCidV1, type PieceCidFacts } from '@dagstore/piece'
import { badRow } from '../deal-fields.ts'
import type { PieceDeal, PieceDeals } from '../piece-deals.ts'

/** One deal of the provider, checked. */
export interface ProviderDealRow {
  readonly piece: PieceCidFacts
  /** On the chain; 0: not yet. */
  readonly chainId: bigint
  /** CID of the signed proposal. */
  readonly proposal: string
  readonly miner: bigint
  readonly lengthPadded: number
  readonly state: string
}

const COMMITMENT_BYTES = 32
const MAX_STATES = 256
/** So many of one piece are told at once. */
const MAX_TOGETHER = 1000

/** Filled first, asked afterwards. */
export class ProviderDeals {
  #count = 0
  #commitments = new Uint8Array(COMMITMENT_BYTES * 64)
  #chainIds = new BigUint64Array(64)
  #miners = new BigUint64Array(64)
  #states = new Uint8Array(64)
  #heights = new Uint8Array(64)
  readonly #stateNames: string[] = []
  /** Of deals that are not on the chain. */
  readonly #proposals = new Map<number, string>()
  #byChainId: Uint32Array | undefined
  #byPiece: Uint32Array | undefined

  add ({ piece, chainId, proposal, miner, lengthPadded, state }: ProviderDealRow): void {
    const at = this.#count
    if (at === this.#states.length) this.#grow()
    let stateAt = this.#stateNames.indexOf(state)
    if (stateAt < 0) {
      if (this.#stateNames.length === MAX_STATES) throw badRow('one state more than there can be')
      stateAt = this.#stateNames.push(state) - 1
    }
    this.#commitments.set(piece.commitment, at * COMMITMENT_BYTES)
    this.#chainIds[at] = chainId
    this.#miners[at] = miner
    this.#states[at] = stateAt
    this.#heights[at] = Math.log2(lengthPadded)
    if (chainId === 0n) this.#proposals.set(at, proposal)
    this.#count++
  }

  /** Rows of the deal with that id on the chain. */
  rowsOfDeal (chainId: bigint): readonly number[] {
    if (chainId === 0n) return []
    const order = this.#byChainId ??= this.#sorted((a, b) => compare(this.#chainIds[a]!, this.#chainIds[b]!) || a - b)
    return this.#equalRun(order, (row) => compare(this.#chainIds[row]!, chainId))
  }

  /** Rows of the deals of that piece. */
  rowsOfPiece (commitment: Uint8Array): readonly number[] {
    return this.#equalRun(this.#pieceOrder(), (row) => compareBytes(this.#commitmentOf(row), commitment))
  }

  stateOf (row: number): string { return this.#stateNames[this.#states[row]!]! }

  /** The deal without a place in a sector, since only the piece store says that. */
  dealOf (row: number): PieceDeal {
    const chainId = this.#chainIds[row]!
    return {
      dealId: this.#proposals.get(row) ?? String(chainId), miner: this.#miners[row]!, sector: undefined, offsetPadded: 0,
      lengthPadded: 2 ** this.#heights[row]!, state: this.stateOf(row),
    }
  }

  /** Deals that are not in `seen`, by piece. */
  * others (seen: RowSet): Generator<PieceDeals, void, undefined> {
    let group: { readonly commitment: Uint8Array, readonly deals: PieceDeal[] } | undefined
    for (const row of this.#pieceOrder()) {
      if (seen.has(row)) continue
      const commitment = this.#commitmentOf(row)
      if (group !== undefined && group.deals.length < MAX_TOGETHER && compareBytes(group.commitment, commitment) === 0) {
        group.deals.push(this.dealOf(row))
        continue
      }
      if (group !== undefined) yield { pieceCid: pieceCidV1(group.commitment), deals: group.deals }
      group = { commitment, deals: [this.dealOf(row)] }
    }
    if (group !== undefined) yield { pieceCid: pieceCidV1(group.commitment), deals: group.deals }
  }

  /** No rows yet. */
  rowSet (): RowSet { return new RowSet(this.#count) }

  #commitmentOf (row: number): Uint8Array { return this.#commitments.subarray(row * COMMITMENT_BYTES, (row + 1) * COMMITMENT_BYTES) }

  #pieceOrder (): Uint32Array {
    return this.#byPiece ??= this.#sorted((a, b) =>
      compareBytes(this.#commitmentOf(a), this.#commitmentOf(b)) || compare(this.#chainIds[a]!, this.#chainIds[b]!) || compareText(this.#proposals.get(a), this.#proposals.get(b)) || a - b)
  }

  #sorted (order: (a: number, b: number) => number): Uint32Array {
    return Uint32Array.from({ length: this.#count }, (_, row) => row).sort(order)
  }

  /** @param against - below 0: the row stands before what is looked for */
  #equalRun (order: Uint32Array, against: (row: number) => number): readonly number[] {
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (against(order[middle]!) < 0) low = middle + 1
      else high = middle
    }
    const rows: number[] = []
    while (low < order.length && against(order[low]!) === 0) rows.push(order[low++]!)
    return rows
  }

  #grow (): void {
    this.#commitments = twice(this.#commitments, new Uint8Array(this.#commitments.length * 2))
    this.#chainIds = twice(this.#chainIds, new BigUint64Array(this.#chainIds.length * 2))
    this.#miners = twice(this.#miners, new BigUint64Array(this.#miners.length * 2))
    this.#states = twice(this.#states, new Uint8Array(this.#states.length * 2))
    this.#heights = twice(this.#heights, new Uint8Array(this.#heights.length * 2))
  }
}

/** Which rows were met. */
export class RowSet {
  readonly #bits: Uint8Array

  constructor (rows: number) { this.#bits = new Uint8Array(Math.ceil(rows / 8)) }

  add (row: number): void { this.#bits[row >>> 3]! |= 1 << (row & 7) }
  has (row: number): boolean { return (this.#bits[row >>> 3]! & 1 << (row & 7)) !== 0 }
}

const twice = <T extends Uint8Array | BigUint64Array>(from: T, to: T): T => {
  to.set(from as never)
  return to
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)
const compareText = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0)
const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let at = 0; at < COMMITMENT_BYTES; at++) if (a[at] !== b[at]) return a[at]! - b[at]!
  return 0
}
