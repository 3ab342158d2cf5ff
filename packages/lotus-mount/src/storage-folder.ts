/** A storage path of Lotus, Boost or Curio. */

export interface StorageFolder {
  /** Contains `unsealed/`, `piece/`, or may later. */
  readonly path: string
  /** Of its `sectorstore.json`; `undefined` where none could be read. */
  readonly id: string | undefined
  /**
   * Whether it holds `sectorstore.json` as long as its disk is there; another one holds `unsealed/` or `piece/`. Where that is
   * gone, nothing is known of what is in the folder, and nothing is taken for absent.
   */
  readonly isMarked: boolean
}

/** Storage paths that may be there later than now, and become more. */
export interface StoragePlace {
  /** A storage path, or what names some. */
  readonly path: string
  /** As they were told last; `undefined`: not yet. */
  readonly known: readonly StorageFolder[] | undefined
  /** As what names them says now; as it said last where it cannot be read. @throws {IoError} `IO_FAILED`, to be tried again later: nobody has told yet */
  folders (): Promise<readonly StorageFolder[]>
}
