/** That major's own declarations cannot be found under another name. */
declare module 'multiformats-9/cid' {
  interface OldCid {
    readonly code: number
    readonly version: number
    readonly multihash: { readonly code: number, readonly digest: Uint8Array, readonly bytes: Uint8Array }
    readonly bytes: Uint8Array
  }
  export const CID: { parse(text: string): OldCid }
}
