/**
 * Files in the staging folder that no deal refers to: a moved file of a deal whose hand-off failed, what stayed when a process ended between two steps, and what belongs to
 * deals that nobody knows. They may be somebody's only copy, so they are told of and never deleted.
 */
import type { ProviderDeal } from '@dagstore/deal-protocol'
import { CID } from 'multiformats/cid'
import type { DealTable } from './deal-table.ts'
import { DealProviderError } from './errors.ts'
import { codeOf } from './failure.ts'
import type { Parts } from './parts.ts'
import { STAGING } from './staging.ts'

export const leftFiles = async function * ({ files, ending }: Pick<Parts, 'files' | 'ending'>, table: Pick<DealTable, 'get'>): AsyncGenerator<DealProviderError, void, undefined> {
  for (const { name, kind } of await files.list(STAGING)) {
    ending.throwIfAborted()
    if (kind !== 'file') continue
    const [deal, rest] = [dealOf(name), name.slice(name.indexOf('.'))]
    const isNeeded = async (): Promise<boolean> => deal !== undefined && rest === '.car' && needs(await readable(table, deal))
    // it may come, or go, while it is looked for
    if (await isNeeded() || await files.stat(`${STAGING}/${name}`) === undefined || await isNeeded()) continue
    yield new DealProviderError('DEAL_FILE_LEFT', `a staged file that no deal needs was left; name=${STAGING}/${name}`, { deal: deal?.toString() })
  }
}

/** Of a record that cannot be read nobody knows. */
const needs = (deal: ProviderDeal | 'damaged' | undefined): boolean => deal === 'damaged' || (deal?.staged !== undefined && deal.staged.mode !== 'borrow')

const readable = (table: Pick<DealTable, 'get'>, deal: CID): Promise<ProviderDeal | 'damaged' | undefined> => table.get(deal).catch((error: unknown) => {
  if (codeOf(error) === 'DEAL_BAD_RECORD') return 'damaged'
  throw error
})

/** `undefined`: not named as a staged file is. */
const dealOf = (name: string): CID | undefined => {
  try {
    return CID.parse(name.slice(0, Math.max(0, name.indexOf('.'))))
  } catch {
    return undefined
  }
}
