/** A storage path of Lotus, Boost or Curio. */

export interface StorageFolder {
  /** Contains `unsealed/`, `piece/`, or may later. */
  readonly path: string
  /** Of its `sectorstore.json`; `undefined` where none could be read. */
  readonly id: string | undefined
  /**
   * Whether it holds `sectorstore.json` as long as its disk is there: where that file is gone, nothing is known of what is in the
   * folder, and nothing is taken for absent.
   */
  readonly isMarked: boolean
}
