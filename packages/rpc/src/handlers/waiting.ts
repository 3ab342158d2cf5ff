/** Shards that wait for the operator: only sealed copies of their piece are known, and he says whether one is unsealed. */
import type { ShardInfo, WhyReport } from '@dagstore/dagstore'
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { ShardParts } from './parts.ts'

/** Each of them says so where it is listed, and what to do. */
export const withWaiting = (parts: ShardParts): ShardParts => {
  const { dagstore, isWaiting } = parts
  if (isWaiting === undefined) return parts
  const shown = <T extends ShardInfo>(info: T): T => info.error === undefined || !isWaiting(info) ? info : {
    ...info, error: { ...info.error, message: `${info.error.message}; to have it unsealed: ${recovery(info.key)}` },
  }
  return {
    ...parts,
    dagstore: {
      ...dagstore,
      shard: async (key, options) => {
        const details = await dagstore.shard(key, options)
        return details === undefined ? undefined : shown(details)
      },
      shards: async function * (options) { for await (const info of dagstore.shards(options)) yield shown(info) },
    },
  }
}

/** Why a block cannot be read, and what to do, where a shard that has it waits, or where one that nobody has looked into does. */
export const whyOf = async ({ dagstore, isWaiting = () => false }: ShardParts, cid: CID, { signal }: CallOptions): Promise<WhyReport> => {
  const report = await dagstore.why(cid, { signal })
  if (report.retrievable) return report
  const holders = await dagstore.find(cid.multihash.bytes, { limit: MOST_HOLDERS, signal })
  const waiting: string[] = []
  for (const key of holders) {
    const info = await dagstore.shard(key, { signal })
    if (info !== undefined && isWaiting(info)) waiting.push(key)
  }
  if (holders.length === 0) for await (const info of dagstore.shards({ health: 'errored', signal })) if (isWaiting(info)) waiting.push(info.key)
  const [first, ...others] = waiting
  if (first === undefined) return report
  const unsealing = `to have ${others.length === 0 ? 'a piece that is only sealed' : `the first of ${waiting.length} pieces that are only sealed`} unsealed: ${recovery(first)}`
  return { ...report, fix: report.fix === undefined || holders.length > 0 ? unsealing : `${report.fix}; ${unsealing}` }
}

const MOST_HOLDERS = 16

const recovery = (key: string): string => `dagstore recover-shard ${/^[\w@%+=:,./][\w@%+=:,./-]*$/.test(key) ? key : `-- '${key.replaceAll('\'', String.raw`'\''`)}'`}`
