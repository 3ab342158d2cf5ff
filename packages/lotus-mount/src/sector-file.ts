/// <reference lib="esnext.disposable" preserve="true" />
/** The port through which unsealed sector files are reached, wherever they lie. */
import type { ByteSource, CallOptions } from '@dagstore/io'

/** The whole unsealed file of a sector, its trailer included. */
export interface SectorFile extends ByteSource {
  /**
   * Whether the file under this sector's name is still the one that was opened, with nothing written to it since. Asked after
   * each read, so that what its owner clears or removes is noticed; left out where that cannot be known.
   */
  state?(): Promise<'same' | 'changed' | 'gone'>
}

/** Opens for reading alone, takes no lock and makes nothing; the caller closes. `undefined`: there is no such file here. */
export interface OpenSectorFile {
  (miner: bigint, sector: bigint, options?: CallOptions): Promise<SectorFile | undefined>
  /** Whether a sealed copy of the sector is here. @default none is known of */
  readonly hasSealed?: (miner: bigint, sector: bigint, options?: CallOptions) => Promise<boolean>
  /** Where it looks, for messages. */
  readonly places?: readonly string[]
}
