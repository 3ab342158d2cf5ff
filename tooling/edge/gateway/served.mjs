/** Gateways at origins of their own, one of which can be trusted, and a file behind them. */
import { createHash } from 'node:crypto'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { BlockNotFoundError, BlockstoreError, oneChunk, toCid } from '@dagstore/read-blockstore'
import { createGateway } from '@dagstore/trustless-gateway'
import { serveGateway } from '@dagstore/trustless-gateway/node'
import { buildFile } from '@dagstore/unixfs-builder'

const FILE_BYTES = 5_000_000

export const startGateways = async () => {
  const hashes = createHashes()
  const file = seededBytes(11, FILE_BYTES)
  const blocks = new Map()
  const { cid } = await buildFile([file], { put: (cid, bytes) => { blocks.set(cid.toString(), bytes) } }, { profile: 'unixfs-v1-2025', hashes })
  const leaf = [...blocks.keys()][2]
  const damaged = blocks.get(leaf).slice()
  damaged[1000] ^= 4

  /** @param other - what comes of one block in place of its own bytes */
  const start = (other) => {
    const get = (any) => oneChunk(async () => {
      const key = toCid(any).toString()
      if (key === leaf && other !== undefined) return other()
      const bytes = blocks.get(key)
      if (bytes === undefined) throw new BlockNotFoundError(toCid(any))
      return bytes
    })
    // the one that is damaged is of a gateway that does not look
    return serveGateway(createGateway({ blockstore: { get, has: (any) => blocks.has(toCid(any).toString()) }, verify: other === undefined ? 'always' : 'never' }), { listen: { port: 0 } })
  }
  const gateways = [
    await start(),
    await start(() => damaged),
    await start(() => { throw new BlockstoreError('BLOCKSTORE_UNREADABLE', 'bad sector') }),
  ]
  const [good, lying, broken] = gateways.map(({ address }) => address.url)
  return {
    good, lying, broken, cid: cid.toString(), blocks: blocks.size, length: FILE_BYTES, sum: createHash('sha256').update(file).digest('hex'),
    close: async () => { for (const gateway of gateways) await gateway.close() },
  }
}
