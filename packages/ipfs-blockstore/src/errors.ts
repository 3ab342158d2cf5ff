/** The errors of nodes; those of blocks are the errors of every blockstore. */

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type IpfsErrorCode =
  | 'IPFS_BAD_ADDRESS'
  | 'IPFS_UNREACHABLE'
  | 'IPFS_REFUSED'
  | 'IPFS_BAD_ANSWER'
  | 'IPFS_TIMEOUT'

/** A node could not be asked, or did not do what it was asked for. Values of headers stand in no message. */
export class IpfsError extends Error {
  override readonly name = 'IpfsError'
  readonly code: IpfsErrorCode
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined
  /** What the node gave as its reason. */
  readonly said: string | undefined

  constructor (code: IpfsErrorCode, message: string, options: ErrorOptions & { readonly status?: number | undefined, readonly said?: string | undefined } = {}) {
    super(message, options)
    this.code = code
    this.status = options.status
    this.said = options.said
  }
}
