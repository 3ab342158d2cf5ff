/** Shards that are pieces, behind a gateway. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { createBytesSource } from '@dagstore/io'
import { fileUrl } from '@dagstore/mounts'
import { createCommP } from '@dagstore/piece'
import { createGateway, type GatewayPieces } from '@dagstore/trustless-gateway'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openShardStore, type ShardStore } from '../src/compose.ts'
import { firstOfPieces, shardPieces } from '../src/gateway/shard-pieces.ts'

const blocks = makeBlocks(3, 50, { min: 100, max: 900 })
const payload = carV1([blocks[0]!.cid], blocks)
const pieceOf = (bytes: Uint8Array): CID => {
  const commp = createCommP()
  commp.write(bytes)
  return commp.finish().cidV1
}
const piece = pieceOf(payload)

describe('a shard whose key is a piece CID', () => {
  let root = ''
  let store: ShardStore
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'shard-pieces-'))
    store = await openShardStore({ path: join(root, 'store'), label: 'store' })
  })
  afterEach(async () => {
    await store.close()
    await rm(root, { recursive: true })
  })
  const register = async (bytes: Uint8Array, key: CID = piece): Promise<void> => {
    await writeFile(join(root, 'a.car'), bytes)
    await store.dagstore.register(key.toString(), fileUrl(join(root, 'a.car')), { indexing: 'eager' })
  }
  const take = async (target: string, method = 'GET'): Promise<{ readonly status: number | undefined, readonly length: string | undefined, readonly bytes: Uint8Array }> => {
    const gateway = createGateway({ blockstore: store.dagstore.blockstore, pieces: shardPieces(store.dagstore), verify: 'never' })
    const answer = await gateway.answer({ method, target, header: () => undefined })
    const chunks: Uint8Array[] = []
    if (answer?.body instanceof Uint8Array) chunks.push(answer.body)
    else if (answer?.body !== undefined) for await (const chunk of answer.body) chunks.push(chunk)
    return { status: answer?.status, length: answer?.headers['content-length'], bytes: Buffer.concat(chunks) }
  }
  const leases = async (): Promise<number | undefined> => (await store.dagstore.shard(piece.toString()))?.leases

  it.each([
    { form: 'a CARv1', bytes: payload }, { form: 'a CARv1 with zeros behind it', bytes: Buffer.concat([payload, new Uint8Array(100)]) },
    { form: 'a CARv2, as its payload', bytes: carV2({ roots: [blocks[0]!.cid], blocks }) },
  ])('is served: $form', async ({ bytes }) => {
    await register(bytes)
    const taken = await take(`/piece/${piece.toString()}`)
    expect([taken.status, Buffer.compare(taken.bytes, payload)]).toEqual([200, 0])
    expect(await take(`/piece/${piece.toString()}`, 'HEAD')).toMatchObject({ status: 200, length: `${payload.byteLength}` })
    const whole = await take(`/piece/${piece.toString()}?padding=zero`)
    expect(pieceOf(whole.bytes).toString()).toBe(piece.toString())
    expect(await leases()).toBe(0)
  })

  it('is not served once it is gone, nor is another one', async () => {
    await register(payload)
    expect((await take(`/piece/${pieceOf(new Uint8Array(1)).toString()}`)).status).toBe(404)
    await store.dagstore.destroy(piece.toString())
    expect((await take(`/piece/${piece.toString()}`)).status).toBe(404)
  })

  it('is told as unreadable where its file is gone', async () => {
    await register(payload)
    await rm(join(root, 'a.car'))
    expect((await take(`/piece/${piece.toString()}`)).status).toBe(502)
    expect(await leases()).toBe(0)
  })
})

describe('several places of pieces', () => {
  const none: GatewayPieces = { stat: async () => undefined, open: async () => undefined }
  const failing: GatewayPieces = { stat: async () => { throw new Error('away') }, open: async () => { throw new Error('away') } }
  const having: GatewayPieces = { stat: async () => ({ rawBytes: 1, pieceBytes: 127 }), open: async () => ({ rawBytes: 1, pieceBytes: 127, source: createBytesSource(new Uint8Array(1)), close: () => {} }) }

  it('are asked in their order, until one has it', async () => {
    expect(await firstOfPieces([none, failing, having]).stat(piece, {})).toMatchObject({ rawBytes: 1 })
    expect(await firstOfPieces([failing, having]).open(piece, {})).toMatchObject({ rawBytes: 1 })
    expect(await firstOfPieces([none, none]).open(piece, {})).toBeUndefined()
    await expect(firstOfPieces([none, failing, none]).stat(piece, {})).rejects.toThrow('away')
    await expect(firstOfPieces([failing, having]).stat(piece, { signal: AbortSignal.abort('left') })).rejects.toBe('left')
  })
})
