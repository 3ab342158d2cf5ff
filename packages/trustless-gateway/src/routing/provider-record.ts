/** Who has a block: what a gateway says of itself. */

export interface ProviderRecordOptions {
  /** Of this gateway, as text: `12D3…`. @default derived from its address, so that it stays the same */
  readonly peerId?: string | undefined
  /** Multiaddrs by which it is reached. @default made of the origin that it was asked at */
  readonly addresses?: readonly string[] | undefined
}
