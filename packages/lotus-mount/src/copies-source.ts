/** A piece source over the copies of a piece that a piece store names. */
import { type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { causeOf, openFirstOf, retryOf } from '@dagstore/mounts'
import { unpaddedBytes } from '@dagstore/piece'
import type { PieceLocation } from '@dagstore/piece-store'
import type { CID } from 'multiformats/cid'
import { contentIdentity } from './content-identity.ts'
import { isParked } from './parked-piece.ts'
import type { PieceSource } from './piece-loader.ts'

/** One place where a copy may be. */
export interface Copy {
  /** For messages. */
  readonly name: string
  /** `undefined`: it is not there, or no longer. */
  open (options: CallOptions): Promise<ByteSource | undefined>
  /** The same, said without opening it. @default opens it */
  isThere? (options: CallOptions): Promise<boolean>
  /** For people. */
  describe (options: CallOptions): Promise<string>
}

/** Has a copy unsealed, and resolves when it is. */
export type UnsealCopy = (location: PieceLocation, options: CallOptions) => Promise<void>

export interface CopiesSourceOptions {
  readonly name: string
  readonly cost: number
  /** @default that of the loader */
  readonly absenceTtlMs?: number | undefined
  /** The records that this source can follow. */
  readonly locationsOf: (piece: CID) => Promise<readonly PieceLocation[]>
  /** Where the copy of a record may be: one place, or several, or none that is known. */
  readonly copiesOf: (piece: CID, location: PieceLocation, options: CallOptions) => Promise<readonly Copy[]>
  readonly unseal?: UnsealCopy | undefined
  /** Whether a sealed copy of what the record names is known of. @default never */
  readonly isSealed?: ((location: PieceLocation, options: CallOptions) => Promise<boolean>) | undefined
}

/** Copies are tried in the order of the records; when one is lost to an open piece, the next one is read. */
export const copiesSource = ({ name, cost, absenceTtlMs, locationsOf, copiesOf, unseal, isSealed = async () => false }: CopiesSourceOptions): PieceSource => {
  /** What each record leads to; records that could not be followed are in `failures`. */
  const follow = async (piece: CID, locations: readonly PieceLocation[], { signal }: CallOptions): Promise<{ readonly copies: readonly Copy[], readonly failures: readonly unknown[] }> => {
    const copies: Copy[] = []
    const failures: unknown[] = []
    for (const location of locations) {
      signal?.throwIfAborted()
      try {
        copies.push(...await copiesOf(piece, location, { signal }))
      } catch (error) {
        signal?.throwIfAborted()
        failures.push(error)
      }
    }
    return { copies, failures }
  }
  return {
    name,
    cost,
    absenceTtlMs,
    sizes: async (piece) => sizesOf(await locationsOf(piece)),
    stat: async (piece, { signal } = {}) => {
      const locations = await locationsOf(piece)
      const sizes = sizesOf(locations)
      if (sizes === undefined) return undefined
      const { copies, failures } = await follow(piece, locations, { signal })
      let unknown = failures.length > 0
      for (const copy of copies) {
        signal?.throwIfAborted()
        try {
          if (await isThere(copy, { signal })) return { unsealed: 'yes', ...sizes }
        } catch {
          unknown = true // `open` says why
        }
      }
      signal?.throwIfAborted()
      if (unknown) return { unsealed: 'unknown', ...sizes }
      for (const location of locations) if (await isSealed(location, { signal })) return { unsealed: 'sealed', ...sizes }
      return { unsealed: 'lost', ...sizes }
    },
    open: async (piece, { signal } = {}) => {
      const { copies, failures: lost } = await follow(piece, await locationsOf(piece), { signal })
      const { source, failures } = await openFirstOf(copies, { signal, identity: (sizeBytes) => contentIdentity(piece, sizeBytes) })
      const all = [...lost, ...failures]
      if (source !== undefined || all.length === 0) return source
      throw new IoError('IO_FAILED', `no copy of the piece could be opened; copies=${copies.length + lost.length} failed=${all.length}: ${all[0] instanceof Error ? all[0].message : String(all[0])}`, { ...causeOf(all), retry: retryOf(all) })
    },
    ...(unseal === undefined ? {} : { unseal: (piece, { signal } = {}) => unsealFirst(piece, { locationsOf, unseal, signal }) }),
    explain: async (piece, { signal } = {}) => {
      const locations = await locationsOf(piece)
      if (locations.length === 0) return undefined
      const { copies, failures } = await follow(piece, locations, { signal })
      const said: string[] = []
      for (const copy of copies) said.push(await copy.describe({ signal }))
      said.push(...failures.map((error) => `${name}: ${error instanceof Error ? error.message : String(error)}`))
      return said.length === 0 ? `in no place that ${name} knows` : said.join('; ')
    },
  }
}

const sizesOf = (locations: readonly PieceLocation[]): { readonly pieceBytes: number, readonly payloadBytes?: number } | undefined => {
  const [first] = locations
  const payloadBytes = locations.find((location) => location.payloadBytes !== undefined)?.payloadBytes
  return first && { pieceBytes: unpaddedBytes(first.lengthPadded), ...(payloadBytes === undefined ? {} : { payloadBytes }) }
}

const isThere = async (copy: Copy, options: CallOptions): Promise<boolean> => {
  if (copy.isThere !== undefined) return copy.isThere(options)
  const source = await copy.open(options)
  await source?.close()
  return source !== undefined
}

const unsealFirst = async (piece: CID, { locationsOf, unseal, signal }: Pick<CopiesSourceOptions, 'locationsOf'> & CallOptions & { readonly unseal: UnsealCopy }): Promise<boolean> => {
  const failures: unknown[] = []
  for (const location of await locationsOf(piece)) {
    signal?.throwIfAborted()
    if (isParked(location)) continue // it is no sealed copy
    try {
      await unseal(location, { signal })
      return true
    } catch (error) {
      signal?.throwIfAborted()
      failures.push(error)
    }
  }
  if (failures.length === 0) return false
  throw new IoError('IO_FAILED', `no copy of the piece could be unsealed; failed=${failures.length}`, { ...causeOf(failures), retry: retryOf(failures) })
}
