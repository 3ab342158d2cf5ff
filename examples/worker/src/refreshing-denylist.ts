/** A denylist that is an object beside the CARs, read again when it is old. */
import type { Hashes } from '@dagstore/hashes'
import { createDenylist, type Denial, type Denylist, GatewayRefusal } from '@dagstore/trustless-gateway'
import type { Objects } from './objects.ts'

/** Longer ones are for larger machines. */
const MAX_BYTES = 16 << 20
const RETRY_AFTER_S = 10

/** What is kept from request to request. */
export interface KnownDenylist {
  rules: Denylist | undefined
  /** Of the object that they were read from; `undefined`: it has none. */
  etag: string | undefined
  readAt: number
}

/**
 * For one request, which reads the list where the known one is older than `refreshMs`. One that cannot be read leaves the one
 * before it in force; without one nothing is let pass.
 */
export const createRefreshingDenylist = (known: KnownDenylist, objects: Objects, key: string, options: { readonly hashes: Hashes, readonly refreshMs: number, readonly now: number }): Denylist => {
  const { hashes, refreshMs, now } = options
  let reading: Promise<Denylist> | undefined
  const read = async (): Promise<Denylist> => {
    try {
      const { rules: before, etag } = known
      if (before !== undefined && etag !== undefined && (await objects.end(key, 1)).version.etag === etag) {
        known.readAt = now
        return before
      }
      const { version, bytes } = await objects.end(key, MAX_BYTES)
      if (version.sizeBytes > bytes.byteLength) throw new RangeError(`denylist; max=${MAX_BYTES} got=${version.sizeBytes}`)
      const rules = createDenylist(() => [{ name: key, read: () => [bytes] }], { hashes })
      await rules.reload()
      known.rules = rules
      known.etag = version.etag
      known.readAt = now
      return rules
    } catch (cause) {
      if (known.rules !== undefined) return known.rules
      throw new GatewayRefusal('GATEWAY_DENYLIST_MISSING', 503, 'The denylist is not there yet.', { cause, retryAfterS: RETRY_AFTER_S })
    }
  }
  let rules = known.rules !== undefined && now - known.readAt < refreshMs ? known.rules : undefined
  return {
    check: (cid, path): Denial | undefined | Promise<Denial | undefined> => rules?.check(cid, path) ??
      (rules === undefined ? (reading ??= read()).then((there) => (rules = there).check(cid, path)) : undefined),
  }
}
