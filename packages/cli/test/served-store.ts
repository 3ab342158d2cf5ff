/** A store of files behind a server, in this process: what both hold of those who ask can be counted. */
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Block, carV1, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import { unixfsFile } from '@dagstore-tooling/fixtures/gateway'
import { fileUrl } from '@dagstore/mounts'
import { createCommP } from '@dagstore/piece'
import { createGateway, type Gateway, type GatewayEvent, type GatewayOptions } from '@dagstore/trustless-gateway'
import { type GatewayServer, serveGateway, type ServeGatewayOptions } from '@dagstore/trustless-gateway/node'
import { CID } from 'multiformats/cid'
import { openShardStore, type ShardStore } from '../src/compose.ts'
import { shardPieces } from '../src/gateway/shard-pieces.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

export interface Piece { readonly bytes: Uint8Array, readonly v1: CID, readonly v2: CID, readonly unpadded: number }

export const pieceOf = (bytes: Uint8Array): Piece => {
  const commp = createCommP()
  commp.write(bytes)
  const { cidV1, cidV2, paddedBytes } = commp.finish()
  return { bytes, v1: cidV1, v2: cidV2, unpadded: paddedBytes / 128 * 127 }
}

/** Some blocks, and a file of 16 MiB, each in a CAR of its own. */
export const blocks: readonly Block[] = makeBlocks(91, 20, { min: 3000, max: 12_000 })
export const file: ReturnType<typeof unixfsFile> = unixfsFile(seededBytes(92, 16 << 20), { chunkBytes: 1 << 17, maxLinks: 174 })
export const small: Piece = pieceOf(carV1([blocks[0]!.cid], blocks))
export const large: Piece = pieceOf(carV1([file.block.cid], file.blocks))

export const cidOf = ({ cid }: Pick<Block, 'cid'>): string => CID.decode(cid).toString()

/** What is held for those who ask; nothing else runs in this process. */
export interface Held {
  /** Open files and connections; 0 where the system does not tell. */
  readonly descriptors: number
  readonly leases: number
  /** After garbage was collected. */
  readonly heapBytes: number
}

export const descriptorsOf = (pid: number | 'self'): number => process.platform === 'linux' ? readdirSync(`/proc/${pid}/fd`).length : 0

export interface ServedStore {
  readonly folder: string
  readonly store: ShardStore
  readonly gateway: Gateway
  readonly server: GatewayServer
  readonly port: number
  readonly url: string
  /** Of the CARs. */
  readonly files: { readonly small: string, readonly large: string }
  readonly events: readonly GatewayEvent[]
  /** Resolves when nobody is served, waited for or connected any more. */
  quiet (): Promise<Held>
  close (): Promise<void>
}

/** The shards are keyed by the CIDs of their pieces. */
export const serveStore = async (server: ServeGatewayOptions = {}, gateway: Partial<GatewayOptions> = {}): Promise<ServedStore> => {
  const folder = await mkdtemp(join(tmpdir(), 'served-store-'))
  const store = await openShardStore({ path: join(folder, 'store'), label: 'store' })
  const { dagstore, hashes } = store
  const files = { small: join(folder, 'small.car'), large: join(folder, 'large.car') }
  for (const [path, piece] of [[files.small, small], [files.large, large]] as const) {
    await writeFile(path, piece.bytes)
    await dagstore.register(piece.v1.toString(), fileUrl(path), { indexing: 'eager' })
  }
  const events: GatewayEvent[] = []
  const made = createGateway({ blockstore: dagstore.blockstore, pieces: shardPieces(dagstore), hashes, verify: 'never', onEvent: (event) => { events.push(event) }, ...gateway })
  const served = await serveGateway(made, { listen: { port: 0 }, ...server })
  const { url, port } = served.address
  const held = async (): Promise<Held> => {
    let leases = 0
    for await (const shard of dagstore.shards()) leases += shard.leases
    for (let times = 0; times < 4; times++) {
      await new Promise((resolve) => { setImmediate(resolve) })
      collectGarbage()
    }
    const { heapUsed, external } = process.memoryUsage()
    return { descriptors: descriptorsOf('self'), leases, heapBytes: heapUsed + external }
  }
  return {
    folder, store, gateway: made, server: served, port, url, files, events,
    quiet: async () => {
      // the one that asks is connected
      while (!/^dagstore_gateway_connections 1$/m.test(await metricsOf(url)) || made.metrics().gauges.some(({ value }) => value !== 0)) await pause(10)
      while (process.getActiveResourcesInfo().some((kind) => /TCPSocketWrap|TLSWrap|Http2/.test(kind))) await pause(10)
      events.length = 0
      return held()
    },
    close: async () => {
      await served.close({ deadlineMs: 0 })
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

export const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text()

export const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })
