/** What can be said and read of the DAGs of a store, as the handlers of the RPC ask for it. */
import { payloadForm, payloadSize, readEntity, resolvePath } from '@dagstore/dag'
import type { Hashes } from '@dagstore/hashes'
import type { Imports, SourceFiles } from '@dagstore/imports'
import { type CallOptions, readChunks } from '@dagstore/io'
import { pieceBytes } from '@dagstore/piece'
import { commpOf } from '@dagstore/piece/node'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { ClientDataParts, DagPlace } from '@dagstore/rpc/handlers'
import type { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'
import { payloadRange } from '../pieces/payload-range.ts'
import { listDag } from './list-dag.ts'
import type { Dags, OpenDag } from './open-dags.ts'
import { withPassingImport } from './passing-import.ts'
import { writeFileWhole } from './written-file.ts'

export interface DataPartsOptions {
  readonly imports: Pick<Imports, 'withRoot'>
  readonly dags: Dags
  readonly sources: SourceFiles
  /** The same but for a folder that is being written, and may be in what is read. */
  readonly sourcesBeside: (folder: string) => SourceFiles
  readonly hashes: Hashes
  /** Kept with the import. */
  readonly commP: ClientDataParts['commP']
  /** Of retrievals. `undefined`: there is none of that id, or none that is whole. */
  readonly retrieved: (id: bigint, options: CallOptions) => Promise<Pick<OpenDag, 'store' | 'close'> | undefined>
}

export const dataParts = ({ imports, dags, sources, sourcesBeside, hashes, commP, retrieved }: DataPartsOptions): ClientDataParts => {
  const withDag = async <T>(root: CID, options: CallOptions, work: (store: ReadBlockstore) => Promise<T>): Promise<T> => {
    const dag = await mustOpen(dags, root, options)
    try {
      return await work(dag.store)
    } finally {
      await dag.close()
    }
  }
  const opened = async ({ root, retrieval }: DagPlace, options: CallOptions): Promise<Pick<OpenDag, 'store' | 'close'>> => {
    if (retrieval === undefined) return mustOpen(dags, root, options)
    return await retrieved(retrieval, options) ?? mustOpen(dags, root, options)
  }
  return {
    has: async (root, options) => {
      const dag = await dags.openHere(root, options)
      await dag?.close()
      return dag !== undefined
    },
    size: async (root, options) => {
      for await (const { piece } of imports.withRoot(root, options)) if (piece !== undefined) return piece
      const { bytes } = await withDag(root, options, (store) => payloadSize(store, root, { ...options, hashes }))
      return { payloadBytes: bytes, paddedBytes: pieceBytes(bytes).padded }
    },
    commP,
    commPOfCar: async (path, { signal }) => {
      const car = await sources.open(path, { signal })
      try {
        const { from, to } = await payloadRange(car, { signal })
        const { cidV1: pieceCid, paddedBytes } = await commpOf(readChunks(car, from, to, { signal }), { signal })
        return { pieceCid, paddedBytes }
      } finally {
        await car.close()
      }
    },
    generateCar: (source, isCar, target, options) => withPassingImport({ hashes, sourcesBeside }, source, { car: isCar, signal: options.signal }, ({ root, store }) =>
      writeFileWhole(target, payloadForm(store, root, { ...options, hashes }), { ...options, force: true })),
    list: async function * (place, options) {
      const { store, close } = await opened(place, options)
      try {
        const { cid } = await resolvePath(store, place.root, place.path, { ...options, hashes })
        yield * listDag(store, cid, options)
      } finally {
        await close()
      }
    },
    read: async function * (place, from = 0, to, options) {
      const { store, close } = await opened(place, options)
      try {
        const { cid } = await resolvePath(store, place.root, place.path, { ...options, hashes })
        // the last byte that is asked for is none where nothing is
        if (to === undefined || to > from) yield * readEntity(store, cid, { ...options, hashes, from, ...(to === undefined ? {} : { to: to - 1 }) })
      } finally {
        await close()
      }
    },
  }
}

const mustOpen = async (dags: Dags, root: CID, options: CallOptions): Promise<OpenDag> => {
  const dag = await dags.open(root, options)
  if (dag === undefined) throw new CommandError('COMMAND_REFUSED', `${dags.nowhere}; cid=${root.toString()}`)
  return dag
}
