/** A denylist that is read again while it is used. */
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { GatewayRefusal } from '../refusal.ts'
import type { Denial, Denylist } from './denylist.ts'
import { type DenylistOptions, type DenylistReport, type DenylistSource, parseDenylists } from './parse-denylist.ts'
import type { Rules } from './rules.ts'

export interface ReloadableDenylist extends Denylist {
  /** @throws {GatewayRefusal} `GATEWAY_DENYLIST_MISSING`: none have been read yet */
  check (cid: CID, path?: string): Denial | undefined
  /**
   * Read all lists. The new rules count from one moment to the next; until then, and after a failure, the ones before do.
   * Before the first success nothing is let pass. Calls wait for each other.
   *
   * @throws {DenylistError} and what the sources throw
   */
  reload (options?: CallOptions): Promise<DenylistReport>
  /** Of the rules that count; `undefined`: none have been read yet. */
  readonly report: DenylistReport | undefined
}

const RETRY_AFTER_S = 10

/** @param sources - called for each reload; rules of later ones go before those of earlier ones */
export const createDenylist = (sources: (options: CallOptions) => Iterable<DenylistSource> | AsyncIterable<DenylistSource>, options: DenylistOptions): ReloadableDenylist => {
  let current: { readonly rules: Rules, readonly report: DenylistReport } | undefined
  let last: Promise<unknown> = Promise.resolve()
  return {
    check: (cid, path) => {
      if (current === undefined) throw new GatewayRefusal('GATEWAY_DENYLIST_MISSING', 503, 'The denylist is not there yet.', { retryAfterS: RETRY_AFTER_S })
      return current.rules.check(cid, path)
    },
    reload: ({ signal } = {}) => {
      const reloading = last.then(async () => {
        signal?.throwIfAborted()
        const next = await parseDenylists(sources({ signal }), options)
        signal?.throwIfAborted()
        current = next
        return next.report
      })
      last = reloading.catch(() => {}) // whoever called is told
      return reloading
    },
    get report () { return current?.report },
  }
}
