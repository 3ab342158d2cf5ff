/** The piece store on a table of byte keys: in a database, or in memory. */
import type { AnyLevel } from '@dagstore/io'
import { pieceCidV1 } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { equalBytes } from './bytes.ts'
import { factsOf, multihashOf } from './cid-facts.ts'
import { PieceStoreError } from './errors.ts'
import type { PieceLocation, PieceRecord, PieceStore } from './piece-store.ts'
import { checkLocation, COMMITMENT_BYTES, decodeLocation, decodePayload, NOTHING, locationKey, LOCATIONS, locationValue, PAYLOADS, payloadKey, payloadPrefix, piecePrefix, VERSION, VERSION_KEY } from './records.ts'
import { createMemoryTable, openLevelTable, type Table } from './table.ts'

/**
 * Open the piece store that lies in the sublevel `piece-store` of `db`, or an empty one. `db` is open, and stays the caller's; nothing is written
 * before the first change.
 *
 * @throws {PieceStoreError} `PIECE_STORE_BAD_FORMAT`: made by a later version. `PIECE_STORE_FAILED`
 */
export const openPieceStore = async (db: AnyLevel): Promise<PieceStore> => {
  const table = await openLevelTable(db, 'piece-store')
  const version = await table.get(VERSION_KEY)
  if (version !== undefined && version[0] !== VERSION) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', `unknown version; want=${VERSION} got=${version[0]}`)
  return createOn(table, version === undefined, additionsOf(db))
}

/** An empty piece store that lasts as long as the object: for a list of pieces at hand, browsers and tests. */
export const createMemoryPieceStore = (): PieceStore => createOn(createMemoryTable(), false, { count: 0 })

interface Additions { count: number }

const additions: WeakMap<AnyLevel, Additions> = new WeakMap()

const additionsOf = (db: AnyLevel): Additions => {
  const known = additions.get(db)
  if (known !== undefined) return known
  const first = { count: 0 }
  additions.set(db, first)
  return first
}

/** @param isNew - it says no version yet: the first change does, and before that nothing is written */
const createOn = (table: Table, isNew: boolean, additions: Additions): PieceStore => {
  let needsVersion = isNew
  let changes: Promise<unknown> = Promise.resolve()
  /** One change after another: some look before they write. */
  const change = async (run: () => Promise<void>): Promise<void> => {
    const done = changes.then(async () => {
      if (needsVersion) await table.put(VERSION_KEY, Uint8Array.of(VERSION))
      needsVersion = false
      await run()
    })
    changes = done.catch(() => {}) // the next one waits; the caller gets the error
    await done
  }
  return {
    additions: () => additions.count,
    add: async (piece, location) => {
      const facts = factsOf(piece)
      const checked = checkLocation(location, facts)
      const key = locationKey(facts.commitment, checked)
      await change(async () => {
        const known = await table.get(key)
        const value = locationValue(checked)
        if (!isNews(known, value)) return
        await table.put(key, value)
        if (known === undefined) additions.count++
      })
    },
    addMany: async (copies) => {
      const entries = Array.from(copies, ({ piece, location }) => {
        const facts = factsOf(piece)
        const checked = checkLocation(location, facts)
        return [locationKey(facts.commitment, checked), locationValue(checked)] as const
      })
      // the copy that says its payload comes last, and counts
      const ordered = [...entries.filter(([, value]) => !saysPayload(value)), ...entries.filter(([, value]) => saysPayload(value))]
      if (ordered.length > 0) await change(async () => { if (await table.putNews(ordered, isNews)) additions.count++ })
    },
    get: async (piece) => {
      const locations: PieceLocation[] = []
      for await (const [key, value] of table.range(piecePrefix(factsOf(piece).commitment))) locations.push(decodeLocation(key, value).location)
      return locations
    },
    remove: async (piece, location) => {
      const facts = factsOf(piece)
      const key = locationKey(facts.commitment, checkLocation({ ...location, payloadBytes: undefined }, facts))
      await change(() => table.delete(key))
    },
    list: async function * ({ signal } = {}) {
      signal?.throwIfAborted()
      let group: { readonly commitment: Uint8Array, readonly locations: PieceLocation[] } | undefined
      for await (const [key, value] of table.range(LOCATIONS)) {
        signal?.throwIfAborted()
        const { commitment, location } = decodeLocation(key, value)
        if (group !== undefined && equalBytes(group.commitment, commitment)) {
          group.locations.push(location)
          continue
        }
        if (group !== undefined) yield recordOf(group)
        group = { commitment, locations: [location] }
      }
      signal?.throwIfAborted()
      if (group !== undefined) yield recordOf(group)
    },
    addPayload: async (payload, piece) => {
      const key = payloadKey(multihashOf(payload), factsOf(piece).commitment)
      await change(async () => { if (await table.get(key) === undefined) await table.put(key, NOTHING) })
    },
    removePayload: async (payload, piece) => {
      const key = payloadKey(multihashOf(payload), factsOf(piece).commitment)
      await change(() => table.delete(key))
    },
    pieces: async (payload) => {
      const prefix = payloadPrefix(multihashOf(payload))
      const found: CID[] = []
      for await (const [key] of table.range(prefix)) {
        if (key.byteLength !== prefix.byteLength + COMMITMENT_BYTES) throw new PieceStoreError('PIECE_STORE_DAMAGED', `damaged record; key length; got=${key.byteLength}`)
        found.push(pieceCidV1(key.subarray(prefix.byteLength)))
      }
      return found
    },
    payloads: async function * ({ signal } = {}) {
      signal?.throwIfAborted()
      let last: Uint8Array | undefined
      for await (const [key] of table.range(PAYLOADS)) {
        signal?.throwIfAborted()
        const multihash = decodePayload(key)
        if (last === undefined || !equalBytes(last, multihash)) yield multihash
        last = multihash
      }
    },
  }
}

/** What nobody says does not take the place of what somebody has said. */
const isNews = (known: Uint8Array | undefined, value: Uint8Array): boolean => known === undefined || (saysPayload(value) && !equalBytes(known, value))

const recordOf = ({ commitment, locations }: { readonly commitment: Uint8Array, readonly locations: readonly PieceLocation[] }): PieceRecord =>
  ({ piece: pieceCidV1(commitment), locations })

const saysPayload = (value: Uint8Array): boolean => value.byteLength > NOTHING.byteLength
