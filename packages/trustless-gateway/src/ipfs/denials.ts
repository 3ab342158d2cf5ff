/** What the denylist forbids, as a refusal. */
import type { Awaitable } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { Denial, Denylist } from '../denylist/denylist.ts'
import { GatewayRefusal } from '../refusal.ts'

export type CheckDenied = (cid: CID, path?: string) => Awaitable<void>

/** No promise where the list knows at once. It throws, or rejects with, `GATEWAY_DENIED` and what `check` of the list does. */
export const createCheckDenied = (denylist: Denylist | undefined): CheckDenied => denylist === undefined ? () => {} : (cid, path) => {
  const denial = denylist.check(cid, path)
  if (denial !== undefined) return 'then' in denial ? denial.then(refuse) : refuse(denial)
}

const refuse = (denial: Denial | undefined): void => {
  if (denial === undefined) return
  throw new GatewayRefusal('GATEWAY_DENIED', denial.status, denial.reason === undefined ? 'This is not served here.' : `This is not served here: ${denial.reason}`)
}
