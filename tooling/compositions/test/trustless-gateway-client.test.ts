/** Helia's client of trustless gateways, without Helia, on every Node that ours run on: blocks, sessions, and whole files on top. */
import { gatewayBlocks, gatewayDags, missingBlock, multiblockText, rawNode, streamedFile } from '@dagstore-tooling/fixtures/gateway'
import { createHashes } from '@dagstore/hashes'
import { exporter } from 'ipfs-unixfs-exporter'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, createTrustlessGatewayWorld, type GatewayWorld } from './trustless-gateway-world.ts'

const streamed = streamedFile()
const hashes = createHashes()
const cidOf = ({ block }: Pick<typeof multiblockText, 'block'>): CID => CID.decode(block.cid)

let world: GatewayWorld
beforeAll(async () => { world = await createTrustlessGatewayWorld([...gatewayBlocks(), ...streamed.blocks]) })
afterAll(() => world.close())

/** What it may do with a block that it was given: the client leaves that to its caller. */
const validateFn = (cid: CID) => async (bytes: Uint8Array): Promise<void> => {
  if (!hashes.matches(cid.multihash.code, cid.multihash.digest, bytes)) throw new Error('not this block')
}

const asStore = (broker: Broker): { get (cid: CID): AsyncGenerator<Uint8Array> } => ({
  async * get (cid) { yield cid.multihash.code === 0 ? cid.multihash.digest : await broker.retrieve(cid, { validateFn: validateFn(cid) }) },
})

const bytesOf = async (broker: Broker, cid: CID, path = '', range: { readonly offset?: number, readonly length?: number } = {}): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  const entry = await exporter(`${cid.toString()}${path}`, asStore(broker))
  if (!('content' in entry)) throw new Error('not a file')
  for await (const chunk of entry.content(range)) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}

const content = Buffer.concat(streamed.blocks.slice(1).map(({ data }) => data))

describe.each(['retrieve', 'session'] as const)('by %s', (kind) => {
  const broker = (): Broker => (kind === 'retrieve' ? world.broker() : world.broker().createSession())

  it('every block of the DAGs arrives as it is', async () => {
    const by = broker()
    for (const { cid, data } of gatewayBlocks()) {
      const read = CID.decode(cid)
      expect(Buffer.from(await by.retrieve(read, { validateFn: validateFn(read) })).equals(data), read.toString()).toBe(true)
    }
  })

  it('a file of 16 MiB arrives whole, and in part', async () => {
    const by = broker()
    expect((await bytesOf(by, cidOf(streamed))).equals(content)).toBe(true)
    expect((await bytesOf(by, cidOf(streamed), '', { offset: 1_000_000, length: 300_000 })).equals(content.subarray(1_000_000, 1_300_000))).toBe(true)
  })

  it('files arrive by their paths, out of a sharded directory too', async () => {
    const by = broker()
    const text = Buffer.concat(multiblockText.blocks.slice(1).map(({ data }) => data))
    expect((await bytesOf(by, cidOf(gatewayDags['subdirMixedFiles']!), '/subdir/multiblock.txt')).equals(text)).toBe(true)
    expect((await bytesOf(by, cidOf(gatewayDags['shardedDirectory']!), '/685.txt')).equals(text)).toBe(true)
    expect((await bytesOf(by, cidOf(gatewayDags['oddDirectory']!), '/inline.txt')).toString()).toBe('in its own CID')
  })
})

it('a client is told what is not there, and goes on with what is', async () => {
  const by = world.broker()
  for (const cid of [CID.decode(missingBlock.cid), cidOf(rawNode(Uint8Array.of(9, 9, 9)))]) await expect(by.retrieve(cid)).rejects.toMatchObject({ errors: [{ message: expect.stringContaining('404') }] })
  expect((await by.retrieve(cidOf(multiblockText))).byteLength).toBe(multiblockText.block.data.byteLength)
})

it('a client that gives up leaves nothing behind', async () => {
  const left = new AbortController()
  const hanging = world.hang(cidOf(streamed))
  const asked = world.broker().retrieve(cidOf(streamed), { signal: left.signal })
  await hanging.asked
  left.abort()
  await expect(asked).rejects.toMatchObject({ errors: [{ message: expect.stringContaining('aborted') }] })
  await hanging.stopped
})
