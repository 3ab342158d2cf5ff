/** What a user writes to read blocks of a CAR behind a web server, and to ask a daemon. Nothing here knows where it runs. */
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { createHashes } from '@dagstore/hashes'
import { openHttpSource } from '@dagstore/io/http'
import { createRpcClient } from '@dagstore/json-rpc'
import { createLotusClient } from '@dagstore/lotus-api'
import { createPieceEngine, createCommP } from '@dagstore/piece'
import { CID } from 'multiformats/cid'

/** What the server has, as `wanted.json` says. */
export interface Wanted {
  /** CIDs with the sums of their blocks' bytes, of both hash functions. */
  readonly blocks: readonly { readonly cid: string, readonly length: number, readonly sum: number }[]
  /** Its block in `damaged.car` has one bit flipped. */
  readonly damaged: string
  readonly absent: string
  /** Where a daemon answers, of another origin, and to which token. */
  readonly rpc: { readonly url: string, readonly token: string }
}

/** `hashes.wasm` and `piece.wasm` as the host compiled them; without them plain JavaScript does their work. */
export interface Modules {
  readonly hashes?: WebAssembly.Module
  readonly piece?: WebAssembly.Module
}

/** What one host found. */
export interface Found {
  /** By file name: blocks that came back as wanted. */
  readonly good: Readonly<Record<string, number>>
  /** Code of the error. */
  readonly damaged: string
  readonly absent: string
  /** Piece CID of `plain.car`. */
  readonly piece: string
  /** What the daemon said: keys of shards, and how many events came; -1 where the platform has no WebSocket. */
  readonly asked: { readonly keys: readonly string[], readonly deal: string, readonly events: number }
}

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 0)

export const run = async (base: string, modules: Modules = {}): Promise<Found> => {
  const wanted = await (await fetch(`${base}/wanted.json`)).json() as Wanted
  const hashes = createHashes(modules.hashes === undefined ? {} : { module: modules.hashes })
  const mount = async (car: string, idx?: string) => openIndexMount({
    data: await openHttpSource(`${base}/${car}`),
    index: idx === undefined ? undefined : await openHttpSource(`${base}/${idx}`),
  }, { hashes })
  const codeOf = (error: unknown): string => error instanceof Error && 'code' in error ? String(error.code) : String(error)
  const good: Record<string, number> = {}
  let damaged = 'nothing thrown'
  let absent = 'nothing thrown'

  for (const [car, idx] of [['plain.car', 'plain.car.idx'], ['indexed.car', undefined], ['bare.car', undefined]] as const) {
    const { blockstore, close } = await mount(car, idx)
    let count = 0
    for (const { cid, length, sum } of wanted.blocks) {
      const bytes = await blockstore.bytes(CID.parse(cid))
      if (bytes.byteLength === length && sumOf(bytes) === sum) count++
    }
    good[car] = count
    absent = await blockstore.bytes(CID.parse(wanted.absent)).then(() => absent, codeOf)
    await close()
  }
  const { blockstore, close } = await mount('damaged.car', 'plain.car.idx')
  damaged = await blockstore.bytes(CID.parse(wanted.damaged)).then(() => damaged, codeOf)
  await close()

  const commp = createCommP(modules.piece === undefined ? {} : { engine: createPieceEngine({ module: modules.piece }) })
  commp.write(new Uint8Array(await (await fetch(`${base}/plain.car`)).arrayBuffer()))
  return { good, damaged, absent, piece: commp.finish().cidV1.toString(), asked: await ask(wanted.rpc) }
}

const ask = async ({ url, token }: Wanted['rpc']): Promise<Found['asked']> => {
  const client = createRpcClient({ url, token })
  const api = createLotusClient(client)
  try {
    const shards = await api.DagstoreListShards()
    const { Deals: [deal] } = await api.PiecesGetPieceInfo(CID.parse('bafkqaaa'))
    let events = 0
    if (typeof WebSocket === 'undefined') events = -1
    else for await (const { Current } of api.DagstoreInitializeAll({ MaxConcurrency: 5, IncludeSealed: false })) events = Current
    return { keys: shards.map(({ Key }) => Key), deal: String(deal?.DealID), events }
  } finally {
    await client.close()
  }
}
