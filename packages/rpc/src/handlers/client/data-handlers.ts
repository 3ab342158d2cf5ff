/** What is said and read of DAGs that are here. Source: lotus node/impl/client/client.go `ClientDealSize`, `ClientCalcCommP`, `ClientGenCar`. */
import type { LotusApi, ClientDagRef } from '@dagstore/lotus-api'
import { badParams } from '../failures.ts'
import type { ClientDataParts, DagPlace } from './import-parts.ts'
import { localPath } from './local-path.ts'

type DataMethods = Pick<LotusApi,
  'ClientHasLocal' | 'ClientDealSize' | 'ClientDealPieceCID' | 'ClientCalcCommP' | 'ClientGenCar' | 'ClientListDag' | 'ClientReadDag'
>

const MAX_DAG_PATH_LENGTH = 4096

export const dataHandlers = (data: ClientDataParts): DataMethods => ({
  ClientHasLocal: (root, { signal } = {}) => data.has(root, { signal }),
  ClientDealSize: async (root, { signal } = {}) => {
    const { payloadBytes, paddedBytes } = await data.size(root, { signal })
    return { PayloadSize: payloadBytes, PieceSize: paddedBytes }
  },
  ClientDealPieceCID: async (root, { signal } = {}) => {
    const { payloadBytes, paddedBytes, pieceCid } = await data.commP(root, { signal })
    return { PayloadSize: payloadBytes, PieceSize: paddedBytes, PieceCID: pieceCid }
  },
  ClientCalcCommP: async (inpath, { signal } = {}) => {
    const { pieceCid, paddedBytes } = await data.commPOfCar(localPath(inpath, 'inpath'), { signal })
    return { Root: pieceCid, Size: paddedBytes / 128 * 127 }
  },
  ClientGenCar: async ({ Path, IsCAR }, outpath, { signal } = {}) => {
    await data.generateCar(localPath(Path, 'ref.Path'), IsCAR, localPath(outpath, 'outpath'), { signal })
  },
  ClientListDag: (dag, { signal } = {}) => {
    const place = placeOf(dag)
    return (async function * () {
      for await (const { name, cid, type, sizeBytes, target } of data.list(place, { signal })) {
        yield { Name: name, Cid: cid, Type: type, Size: sizeBytes ?? null, ...(target === undefined ? {} : { Target: target }) }
      }
    })()
  },
  ClientReadDag: (dag, from, to, { signal } = {}) => {
    for (const [name, at] of Object.entries({ from, to })) if (at !== undefined && at < 0) throw badParams(`${name}; want=bytes from 0`)
    if (to !== undefined && to < (from ?? 0)) throw badParams('to; want=at or behind from')
    return sliced(data.read(placeOf(dag), from, to, { signal }))
  },
})

const placeOf = ({ Root, Path = '', DealID }: ClientDagRef): DagPlace => {
  if (Path.length > MAX_DAG_PATH_LENGTH) throw badParams('dag.Path; too long')
  return { root: Root, path: Path, retrieval: DealID }
}

/** Of one message: base64 of it is a third longer, and it must not stand in the way of others. */
const MESSAGE_BYTES = 1 << 18

async function * sliced (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) for (let at = 0; at < chunk.byteLength; at += MESSAGE_BYTES) yield chunk.subarray(at, at + MESSAGE_BYTES)
}
