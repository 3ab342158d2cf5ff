/** Imports that are open: one file for all who read the same one, closed by the last of them. */
import type { PageCache } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import type { Hashes } from '@dagstore/hashes'
import { type ByteSource, type CallOptions, IoError, withdrawable } from '@dagstore/io'
import type { ShardBlockstore } from '@dagstore/read-blockstore'
import { openRefCar, RefCarError } from '@dagstore/ref-carv2'
import type { CID } from 'multiformats/cid'
import { type CarPlaces, openCarBytes, openCarIndex } from './car-place.ts'
import { ImportError } from './errors.ts'
import type { OpenImport } from './imports.ts'
import type { ImportRecord } from './record.ts'

/** A record that says where its CAR is, and what it is of. */
export type ReadableRecord = ImportRecord & { readonly carPath: string, readonly root: CID }

export interface OpeningParts extends CarPlaces {
  readonly hashes: Hashes
  readonly pages: PageCache
}

export interface Openings {
  /** @throws {ImportError} `IMPORT_BROKEN`; {IoError} that may pass; {RefCarError} `REF_CAR_FORBIDDEN` */
  open(record: ReadableRecord, options: CallOptions): Promise<OpenImport>
  /** Closes all of them, whoever reads them. */
  close(): Promise<void>
}

interface OpenCar {
  readonly blockstore: ShardBlockstore
  close(): Promise<void>
}

interface SharedCar {
  readonly opening: Promise<OpenCar>
  users: number
}

export const createOpenings = (parts: OpeningParts): Openings => {
  /** By id and name: what is imported again has another file, and those who read the old one keep it. */
  const shared = new Map<string, SharedCar>()
  const closing = new Set<Promise<void>>()
  const leave = async (key: string, car: SharedCar): Promise<void> => {
    if (--car.users > 0) return
    if (shared.get(key) === car) shared.delete(key)
    const closed = shut(car)
    closing.add(closed)
    await closed.finally(() => closing.delete(closed))
  }
  return {
    open: async (record, { signal }) => {
      signal?.throwIfAborted()
      const key = `${record.id} ${record.carPath} ${record.indexName ?? ''}`
      let car = shared.get(key)
      if (car === undefined) {
        // no signal: another reader may wait for the same opening
        const opened: SharedCar = car = { opening: openCar(record, parts), users: 0 }
        shared.set(key, opened)
        opened.opening.catch(() => { if (shared.get(key) === opened) shared.delete(key) })
      }
      car.users++
      let blockstore: ShardBlockstore
      try {
        blockstore = (await withdrawable(car.opening, signal)).blockstore
      } catch (error) {
        leave(key, car).catch(() => {}) // this reader is told why it could not be opened, or has left
        throw error
      }
      const own = car
      let left: Promise<void> | undefined
      const close = (): Promise<void> => left ??= leave(key, own)
      return { record, root: record.root, blockstore, close, [Symbol.asyncDispose]: close }
    },
    close: async () => {
      const cars = [...shared.values()]
      shared.clear()
      await Promise.all([...closing, ...cars.map(shut)])
    },
  }
}

/** What could not be opened needs no closing. */
const shut = ({ opening }: SharedCar): Promise<void> => opening.then((car) => car.close(), () => {})

const openCar = async (record: ReadableRecord, parts: OpeningParts): Promise<OpenCar> => {
  const { hashes, pages, sources } = parts
  try {
    const data = await openCarBytes(record, parts, {})
    let index: ByteSource | undefined
    let car: OpenCar & { readonly roots: readonly CID[] }
    try {
      index = await openCarIndex(record, parts, {})
      car = record.form === 'dense' || record.form === 'car'
        ? await openIndexMount({ data, index }, { hashes, pages })
        : await openRefCar(data, { files: sources, hashes, pages, index })
    } catch (error) {
      await index?.close()
      await data.close()
      throw error
    }
    if (car.roots.length === 1 && car.roots[0]!.equals(record.root)) return car
    await car.close()
    throw new ImportError('IMPORT_BROKEN', `its CAR is of another root; id=${record.id} want=${record.root} got=${car.roots.join()}`, { id: record.id })
  } catch (error) {
    throw asBroken(record.id, error)
  }
}

/** Why an import cannot be read. What may pass, or is a matter of leave, stays what it is. */
const asBroken = (id: bigint, cause: unknown): unknown => {
  if (cause instanceof ImportError || cause instanceof RefCarError) return cause
  if (cause instanceof IoError && cause.retry === 'later') return cause
  return new ImportError('IMPORT_BROKEN', `its CAR cannot be read; id=${id}`, { cause, id })
}
