/** What a daemon answers, at an origin of its own: pages of another one are let in by CORS, with a token. */
import { createTokens, serveRpc } from '@dagstore/rpc'

export const startDaemon = async (origin) => {
  const tokens = createTokens(new Uint8Array(32).fill(1))
  const server = await serveRpc({
    api: {
      DagstoreListShards: async () => [{ Key: 'a', State: 'ShardStateAvailable', Error: '' }, { Key: 'b', State: 'ShardStateNew', Error: '' }],
      PiecesGetPieceInfo: async (PieceCID) => ({ PieceCID, Deals: [{ DealID: 2n ** 64n - 1n, SectorID: 1n, Offset: 0, Length: 2048 }] }),
      DagstoreInitializeAll: async function * ({ MaxConcurrency }) {
        for (let Current = 1; Current <= MaxConcurrency; Current++) yield { Key: 'b', Event: 'end', Success: true, Error: '', Total: MaxConcurrency, Current }
      },
    },
    tokens,
    listen: { port: 0 },
    origins: [origin],
    anonymous: 'nobody',
  })
  return { rpc: { url: `${server.address.url}/rpc/v0`, token: tokens.sign(['read', 'write']) }, close: () => server.close() }
}
