/** DAGs in memory whose blocks may go, or change, while somebody reads them. */
import { seededBytes } from '@dagstore-tooling/fixtures'
import { payloadForm } from '@dagstore/dag'
import { createHashes, type Hashes } from '@dagstore/hashes'
import { createCommP } from '@dagstore/piece'
import { BlockNotFoundError, oneChunk, toCid } from '@dagstore/read-blockstore'
import * as cbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { DealSource, DealSources, PiecePayload } from '../src/index.ts'

export const hashes: Hashes = createHashes()

const cidOf = (codec: number, bytes: Uint8Array, hash = 0x12): CID => CID.createV1(codec, create(hash, hashes.digest(hash, bytes)))

export interface TestDag {
  readonly root: CID
  readonly blocks: Map<string, Uint8Array>
  readonly leaves: readonly CID[]
  readonly piece: PiecePayload
}

type BlockGetter = DealSource['store']

const storeOf = (blocks: ReadonlyMap<string, Uint8Array>, onRead: () => void = () => {}): BlockGetter => ({
  get: (asked) => oneChunk(async () => {
    onRead()
    const cid = toCid(asked)
    const bytes = blocks.get(cid.toString())
    if (bytes === undefined) throw new BlockNotFoundError(cid)
    return bytes.slice()
  }),
})

/** With an identity CID and a block met twice; L12. */
export const makeDag = async (seed: number, leaves = 6, leafBytes = 4000): Promise<TestDag> => {
  const blocks = new Map<string, Uint8Array>()
  const add = (codec: number, bytes: Uint8Array): CID => {
    const cid = cidOf(codec, bytes)
    blocks.set(cid.toString(), bytes)
    return cid
  }
  const cids = Array.from({ length: leaves }, (_, i) => add(0x55, seededBytes(seed * 100 + i, leafBytes)))
  const inline = cidOf(0x55, Uint8Array.of(seed), 0)
  const root = add(0x71, cbor.encode([add(0x71, cbor.encode(cids)), inline, ...cids.slice(0, 1)]))
  const commp = createCommP()
  for await (const chunk of payloadForm(storeOf(blocks), root)) commp.write(chunk)
  const { cidV1: pieceCid, paddedBytes, payloadBytes } = commp.finish()
  return { root, blocks, leaves: cids, piece: { pieceCid, paddedBytes, payloadBytes } }
}

export interface TestSources extends DealSources {
  /** Opened and not closed. */
  readonly open_: () => number
  readonly reads: () => number
  /** By text of the root: remembered. */
  readonly pieces: Map<string, PiecePayload>
}

export const sourcesOf = (dags: readonly TestDag[]): TestSources => {
  const pieces = new Map<string, PiecePayload>()
  let [opened, reads] = [0, 0]
  return {
    pieces,
    open_: () => opened,
    reads: () => reads,
    open: async (root) => {
      const dag = dags.find((one) => one.root.equals(root))
      if (dag === undefined) return undefined
      opened++
      let isClosed = false
      return {
        store: storeOf(dag.blocks, () => { reads++ }),
        piece: pieces.get(root.toString()),
        setPiece: async (piece) => { pieces.set(root.toString(), piece) },
        close: () => {
          if (isClosed) throw new Error('closed twice')
          isClosed = true
          opened--
        },
      }
    },
  }
}
