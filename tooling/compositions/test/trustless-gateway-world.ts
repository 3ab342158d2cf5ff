/** A gateway over blocks in memory, served by Node, and Helia's client of it with a router that knows this one gateway. */
import type { Block } from '@dagstore-tooling/fixtures'
import { BlockNotFoundError, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import { createGateway } from '@dagstore/trustless-gateway'
import { serveGateway } from '@dagstore/trustless-gateway/node'
import { CID } from 'multiformats/cid'

export interface Broker {
  retrieve (cid: CID, options?: { readonly signal?: AbortSignal, readonly validateFn?: (bytes: Uint8Array) => Promise<void> }): Promise<Uint8Array>
}

export interface GatewayWorld {
  broker (): Broker & { createSession (): Broker }
  /** The next reading of this block takes until its asker leaves. */
  hang (cid: CID): { readonly asked: Promise<void>, readonly stopped: Promise<void> }
  close (): Promise<void>
}

/** Its declarations need the DOM's, which are not ours. */
interface ClientModule {
  trustlessGatewayBlockBroker (init: { readonly allowInsecure: boolean, readonly allowLocal: boolean }): (components: { readonly routing: unknown, readonly logger: unknown }) => Broker & { createSession (): Broker }
}
interface MultiaddrModule { multiaddr (text: string): unknown }

const foreign = <T>(name: string): Promise<T> => import(/* @vite-ignore */ name) as Promise<T>

export const createTrustlessGatewayWorld = async (blocks: readonly Block[]): Promise<GatewayWorld> => {
  const held = new Map(blocks.map(({ cid, data }) => [Buffer.from(CID.decode(cid).multihash.bytes).toString('hex'), data]))
  const find = (cid: CID): Uint8Array | undefined => held.get(Buffer.from(cid.multihash.bytes).toString('hex'))
  let hanging: { readonly cid: CID, asked (): void, stopped (): void } | undefined
  const store: ReadBlockstore = {
    has: (cid) => find(toCid(cid)) !== undefined,
    async * get (any, { signal } = {}) {
      const cid = toCid(any)
      if (hanging?.cid.equals(cid) === true) {
        const { asked, stopped } = hanging
        hanging = undefined
        await new Promise<void>((_, reject) => {
          signal?.addEventListener('abort', () => { stopped(); reject(signal.reason as Error) })
          asked()
        })
      }
      const bytes = find(cid)
      if (bytes === undefined) throw new BlockNotFoundError(cid)
      yield bytes
    },
    async * getMany (cids, options) { for await (const cid of cids) yield { cid: toCid(cid), bytes: store.get(cid, options) } },
    async * getAll () { for (const { cid, data } of blocks) yield { cid: CID.decode(cid), bytes: (function * () { yield data })() } },
  }
  const server = await serveGateway(createGateway({ blockstore: store }), { listen: { port: 0 } })
  const [{ trustlessGatewayBlockBroker }, { multiaddr }] = await Promise.all([foreign<ClientModule>('@helia/trustless-gateway-client'), foreign<MultiaddrModule>('@multiformats/multiaddr')])
  const provider = { id: undefined, multiaddrs: [multiaddr(`/ip4/127.0.0.1/tcp/${server.address.port}/http`)], protocols: ['transport-ipfs-gateway-http'], fallback: false, router: 'one gateway' }
  return {
    broker: () => trustlessGatewayBlockBroker({ allowInsecure: true, allowLocal: true })({ routing: { async * findProviders () { yield provider } }, logger: { forComponent: () => silent } }),
    hang: (cid) => {
      let [asked, stopped]: (() => void)[] = []
      const both = { asked: new Promise<void>((resolve) => { asked = resolve }), stopped: new Promise<void>((resolve) => { stopped = resolve }) }
      hanging = { cid, asked: asked!, stopped: stopped! }
      return both
    },
    close: () => server.close({ deadlineMs: 0 }),
  }
}

const silent = Object.assign(() => {}, { error: () => {}, trace: () => {}, enabled: false, newScope: () => silent })
