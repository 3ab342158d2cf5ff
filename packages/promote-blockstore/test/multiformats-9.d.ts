/** That major's own declarations cannot be found under another name. A namespace, since another package declares it too. */
declare module 'multiformats-9/cid' {
  interface OldCid {
    readonly code: number
    readonly version: number
    readonly multihash: { readonly code: number, readonly digest: Uint8Array, readonly bytes: Uint8Array }
    readonly bytes: Uint8Array
  }
  export namespace CID {
    function parse (text: string): OldCid
  }
}
