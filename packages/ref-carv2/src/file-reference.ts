/** Where the bytes of a leaf lie; lengths in bytes. */
export interface FileReference {
  /** Absolute, `/` between parts. */
  readonly path: string
  readonly offset: number
  readonly size: number
}
