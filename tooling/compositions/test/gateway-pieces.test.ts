/** Pieces that one store has behind its gateway, and another one reads from there. */
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { createMemoryCatalogue, openDagstore } from '@dagstore/dagstore'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { createPieceLoader, lotusMount, lotusUrl, type PieceLoader, pieceServers } from '@dagstore/lotus-mount'
import { createMountRegistry } from '@dagstore/mounts'
import { createCommP } from '@dagstore/piece'
import { createMemoryTopLevelIndex } from '@dagstore/top-level-index'
import { createGateway, type GatewayPieces, type GatewayPieceStat } from '@dagstore/trustless-gateway'
import { serveGateway } from '@dagstore/trustless-gateway/node'
import { MemoryBlockstore } from 'blockstore-core'
import { CID } from 'multiformats/cid'
import { afterEach, describe, expect, it } from 'vitest'

const blocks = makeBlocks(7, 200, { min: 1000, max: 3000 })
const payload = carV1([blocks[0]!.cid], blocks)
const commp = createCommP()
commp.write(payload)
const { cidV1, cidV2, paddedBytes } = commp.finish()
const pieceBytes = paddedBytes / 128 * 127
const whole = new Uint8Array(pieceBytes)
whole.set(payload)

const NO_BLOCKS = new MemoryBlockstore()

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => { for (const end of ending.splice(0).reverse()) await end() })

/** A gateway with the piece, and what it was asked for. */
const serve = async (stat: Partial<GatewayPieceStat>, bytes: Uint8Array, knows: (target: string) => boolean = () => true): Promise<{ readonly url: string, readonly asked: string[], readonly kept: { isThere: boolean, closed: number } }> => {
  const asked: string[] = []
  const kept = { isThere: true, closed: 0 }
  const sizes = { rawBytes: payload.byteLength, pieceBytes, ...stat }
  const has = (cid: CID): boolean => kept.isThere && cid.equals(cidV1)
  const pieces: GatewayPieces = {
    stat: async (cid) => (has(cid) ? sizes : undefined),
    open: async (cid) => (has(cid) ? { ...sizes, source: createBytesSource(bytes), close: () => { kept.closed++ } } : undefined),
  }
  const gateway = createGateway({ blockstore: NO_BLOCKS, pieces })
  const server = await serveGateway(Object.assign(gateway, {
    answer: ((answer) => async (request: Parameters<typeof gateway.answer>[0]) => {
      asked.push(request.target)
      return knows(request.target) ? answer(request) : { status: 404, headers: {}, body: undefined }
    })(gateway.answer),
  }), { listen: { host: '127.0.0.1', port: 0 } })
  ending.push(() => server.close({ deadlineMs: 0 }))
  return { url: server.address.url, asked, kept }
}

const loaderOf = (url: string): PieceLoader => {
  const loader = createPieceLoader(pieceServers([{ url }]))
  ending.push(() => loader.close())
  return loader
}

describe('a piece behind a gateway', () => {
  it.each([
    { how: 'its payload, by its first name', stat: {}, bytes: payload },
    { how: 'its payload, kept with its padding', stat: {}, bytes: whole },
    { how: 'the whole of it, since nobody knows where its payload ends', stat: { rawBytes: undefined }, bytes: whole },
  ])('is loaded from it: $how', async ({ stat, bytes }) => {
    const { url, asked, kept } = await serve(stat, bytes)
    const loader = loaderOf(url)
    expect(await loader.stat(cidV1)).toMatchObject({ unsealed: 'yes', pieceBytes })
    const source = await loader.open(cidV2)
    expect(source.sizeBytes).toBe(pieceBytes)
    expect(Buffer.compare(await source.read(0, pieceBytes), whole)).toBe(0)
    expect(Buffer.compare(await source.read(payload.byteLength - 10, 20), whole.subarray(payload.byteLength - 10, payload.byteLength + 10))).toBe(0)
    await source.close()
    expect(asked.every((target) => target === `/piece/${cidV1.toString()}`)).toBe(true)
    expect(kept.closed).toBeGreaterThan(0)
  })

  it('is loaded by the name that says its length, where the other is not known', async () => {
    const { url, asked } = await serve({}, payload, (target) => target === `/piece/${cidV2.toString()}`)
    // somebody else has said how long the payload is
    const records = { name: 'records', cost: 1, stat: async () => undefined, open: async () => undefined, sizes: async () => ({ pieceBytes, payloadBytes: payload.byteLength }) }
    const loader = createPieceLoader([records, ...pieceServers([{ url }])])
    ending.push(() => loader.close())
    const source = await loader.open(cidV1)
    expect(Buffer.compare(await source.read(1000, 5000), whole.subarray(1000, 6000))).toBe(0)
    await source.close()
    expect(asked).toContain(`/piece/${cidV2.toString()}`)
  })

  it('is a shard of another store, which reads blocks from it', async () => {
    const { url } = await serve({ carVersion: 1 }, payload)
    const store = await openDagstore({
      catalogue: createMemoryCatalogue(), topLevelIndex: createMemoryTopLevelIndex(), files: createMemoryDirectory('files'), mounts: createMountRegistry([lotusMount(loaderOf(url))]), hashes: createHashes(),
    })
    ending.push(() => store.close())
    await store.register(cidV1.toString(), lotusUrl(cidV1), { indexing: 'eager' })
    for (const { cid, data } of [blocks[0]!, blocks[100]!, blocks[199]!]) expect(Buffer.compare(await store.blockstore.bytes(CID.decode(cid)), data)).toBe(0)
  })

  it('that is gone is absent there, and not served from what was read before', async () => {
    const { url, kept } = await serve({}, payload)
    kept.isThere = false
    await expect(loaderOf(url).open(cidV1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
  })
})
