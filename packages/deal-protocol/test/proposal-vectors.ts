/** What modules of Lotus make of proposals: `tooling/interop/markets/proposals`. */
import { readFileSync } from 'node:fs'
import { CID } from 'multiformats/cid'
import { checkProposal, type ClientProposal } from '../src/index.ts'

export interface ProposalVector {
  readonly Why: string
  readonly Bytes: string
  readonly Cid: string
  readonly PieceCid: string
  readonly PieceSize: number
  readonly VerifiedDeal: boolean
  readonly Client: string
  readonly Provider: string
  readonly LabelText: string
  readonly LabelBytes: string
  readonly StartEpoch: string
  readonly EndEpoch: string
  readonly Price: string
  readonly ProviderCollateral: string
  readonly ClientCollateral: string
  readonly SignatureType: number
  readonly SignatureData: string
}

export const vectors = JSON.parse(readFileSync(new URL('../../../tooling/interop/vectors-markets/proposals.json', import.meta.url), 'utf8')) as {
  readonly Addresses: readonly { readonly Text: string, readonly Bytes: string }[]
  readonly Proposals: readonly ProposalVector[]
  readonly RetrievalStates: Readonly<Record<string, number>>
  readonly StorageStates: Readonly<Record<string, number>>
}

export const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

export const proposalOf = (row: ProposalVector): ClientProposal => ({
  proposal: checkProposal({
    pieceCid: CID.parse(row.PieceCid), pieceSize: row.PieceSize, verifiedDeal: row.VerifiedDeal, client: row.Client, provider: row.Provider,
    label: row.LabelBytes === '' ? row.LabelText : bytesOf(row.LabelBytes), startEpoch: BigInt(row.StartEpoch), endEpoch: BigInt(row.EndEpoch),
    storagePricePerEpoch: BigInt(row.Price), providerCollateral: BigInt(row.ProviderCollateral), clientCollateral: BigInt(row.ClientCollateral),
  }),
  signature: row.SignatureType === 0 ? undefined : { type: row.SignatureType, data: bytesOf(row.SignatureData) },
})
