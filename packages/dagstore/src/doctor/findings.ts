/** What the doctor has found and not found right since. */
import type { CallOptions } from '@dagstore/io'
import type { Finding } from '../catalogue/finding.ts'
import type { ShardCatalogue } from '../catalogue/shard-catalogue.ts'

export interface FindingsOf { readonly key: string, readonly findings: readonly Finding[] }

export interface FindingsQuery extends CallOptions {
  /** Start behind this key. */
  readonly after?: string | undefined
}

/** Those of the index that the shard has now: any other is gone with what it was about. */
export const findingsOf = async (catalogue: Pick<ShardCatalogue, 'findings'>, key: string, shardNumber: number | undefined): Promise<readonly Finding[]> => {
  const found = shardNumber === undefined ? undefined : await catalogue.findings(key)
  return found?.shardNumber === shardNumber ? found?.findings ?? [] : []
}

const PAGE = 256

/** By key, in pages. */
export async function * listFindings (catalogue: Pick<ShardCatalogue, 'findingsPage' | 'getMany'>, { after, signal }: FindingsQuery, check: () => void): AsyncGenerator<FindingsOf, void, undefined> {
  for (let last = after; ;) {
    check()
    signal?.throwIfAborted()
    const page = await catalogue.findingsPage({ after: last, limit: PAGE })
    const records = await catalogue.getMany(page.map(({ key }) => key))
    for (const [at, { key, shardNumber, findings }] of page.entries()) {
      if (findings.length > 0 && records[at]?.record.index?.shardNumber === shardNumber) yield { key, findings }
    }
    last = page.at(-1)?.key
    if (last === undefined || page.length < PAGE) return
  }
}
