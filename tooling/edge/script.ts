/** What a user writes to read blocks of a CAR behind a web server. Nothing here knows where it runs. */
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { createHashes } from '@dagstore/hashes'
import { openHttpSource } from '@dagstore/io/http'
import { createPieceEngine, createCommP } from '@dagstore/piece'
import { CID } from 'multiformats/cid'

/** What the server has, as `wanted.json` says. */
export interface Wanted {
  /** CIDs with the sums of their blocks' bytes, of both hash functions. */
  readonly blocks: readonly { readonly cid: string, readonly length: number, readonly sum: number }[]
  /** Its block in `damaged.car` has one bit flipped. */
  readonly damaged: string
  readonly absent: string
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
  return { good, damaged, absent, piece: commp.finish().cidV1.toString() }
}
