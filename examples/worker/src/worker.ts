/**
 * A trustless gateway over CARs in a bucket.
 *
 * Requests share bytes and nothing else: the platform lets no request wait for what another one has begun. So each has a store and a
 * gateway of its own, which are cheap, over the parts of the index and the list of CARs that earlier ones have read.
 */
import { createPageCache } from '@dagstore/carv2'
import { createHashes } from '@dagstore/hashes'
import module from '@dagstore/hashes/hashes.wasm'
import { createGateway, GatewayRefusal } from '@dagstore/trustless-gateway'
import type { BlockCache, Env, ExecutionContext } from './bindings.ts'
import { createBudget } from './budget.ts'
import { type Collection, mountCollection, readCollection } from './collection.ts'
import { createHttpObjects } from './http-objects.ts'
import { createKeptBlocks } from './kept-blocks.ts'
import { createR2Objects } from './r2-source.ts'
import { createRefreshingDenylist, type KnownDenylist } from './refreshing-denylist.ts'
import { settingsOf } from './settings.ts'
import { createRequestStore } from './store.ts'

/** Of the index, for all requests of this isolate. */
const CACHE_BYTES = 24 << 20
const RETRY_AFTER_S = 10

const hashes = createHashes({ module })
const cache = createPageCache({ maxBytes: CACHE_BYTES })
const denylist: KnownDenylist = { rules: undefined, etag: undefined, readAt: 0 }
let known: { readonly collection: Collection, readonly readAt: number } | undefined

const answer = async (request: Request, env: Env, context: ExecutionContext): Promise<Response> => {
  const settings = settingsOf(env)
  const budget = createBudget(settings.maxSubrequests)
  if (env.BUCKET === undefined && env.ORIGIN === undefined) throw new TypeError('neither BUCKET nor ORIGIN says where objects are')
  const objects = env.BUCKET === undefined ? createHttpObjects(env.ORIGIN!, budget.spend) : createR2Objects(env.BUCKET, budget.spend)
  const client = request.headers.get('cf-connecting-ip') ?? undefined
  const now = Date.now()

  const collection = async (anew: boolean): Promise<Collection> => {
    if (!anew && known !== undefined && now - known.readAt < settings.refreshMs) return known.collection
    const found = await readCollection(objects, settings.collection, hashes, cache)
    const isSame = known !== undefined && known.collection.version.etag === found.version.etag && found.version.etag !== undefined
    const current = isSame ? known!.collection : found
    // those that it takes the place of, or that are there twice
    if (isSame) found.chunks.clear()
    else known?.collection.chunks.clear()
    known = { collection: current, readAt: now }
    return current
  }
  const admit = async (): Promise<void> => {
    if (env.LIMITER === undefined || client === undefined || (await env.LIMITER.limit({ key: client })).success) return
    throw new GatewayRefusal('GATEWAY_CLIENT_BUSY', 429, 'Too many requests come from your address.', { retryAfterS: RETRY_AFTER_S })
  }
  let admitted: Promise<void> | undefined
  const blockstore = createRequestStore(
    async (anew) => {
      await (admitted ??= admit())
      return mountCollection(await collection(anew), objects, { hashes, readAheadBytes: settings.readAheadBytes })
    },
    createKeptBlocks({ cache: (globalThis as unknown as { caches: { default: BlockCache } }).caches.default, origin: new URL(request.url).origin, hashes, budget, later: (work) => { context.waitUntil(work) } }),
  )
  const gateway = createGateway({
    blockstore, hashes, verify: 'never', lookAhead: 0, // the store reads ahead, in larger pieces
    ...(settings.denylist === undefined ? {} : { denylist: createRefreshingDenylist(denylist, objects, settings.denylist, { hashes, refreshMs: settings.refreshMs, now }) }),
    onEvent: ({ status, code, target }) => {
      if (code !== undefined && status !== 404) console.warn(JSON.stringify({ status, code, target }))
      context.waitUntil(blockstore.close())
    },
  })
  return gateway(request, { client })
}

export default { fetch: answer }
