import { type Candidates, openTopLevelIndex, shardNumber, type TopLevelIndex } from '@dagstore/top-level-index'
import type { AbstractLevel } from 'abstract-level'

export const firstUse = async (db: AbstractLevel<any, any, any>, multihashes: AsyncIterable<Uint8Array>, wanted: Uint8Array): Promise<Candidates> => {
  const index: TopLevelIndex = await openTopLevelIndex(db)
  const { entryCount } = await index.publish(shardNumber(1), multihashes)
  return await index.find(wanted, { prefer: entryCount > 0 ? [shardNumber(1)] : [] })
}
