/** Multihashes to test with. */
import type { AnyLevel } from '@dagstore/io'

export const sha = (at: number): Uint8Array => {
  const bytes = new Uint8Array(34)
  bytes.set([0x12, 0x20, at >>> 24, at >>> 16, at >>> 8, at])
  return bytes
}

export async function * shas (from: number, count: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < from + count; at++) yield sha(at)
}

/** Every key of the index below `db`, without the prefix, by its tag. */
export const keysByTag = async (db: AnyLevel): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for await (const key of db.sublevel('tli', { keyEncoding: 'view', valueEncoding: 'view' }).keys() as AsyncIterable<Uint8Array>) {
    const tag = String.fromCharCode(key[0] as number)
    counts[tag] = (counts[tag] ?? 0) + 1
  }
  return counts
}

/** The row that says of which shard a run is loses its end: that of the run which the shard's own row names. */
export const damageShard = async (db: AnyLevel, shard: number): Promise<void> => {
  const level = db.sublevel('tli', { keyEncoding: 'view', valueEncoding: 'view' })
  const tagged = (tag: string, value: Uint8Array): Uint8Array => Uint8Array.from([tag.charCodeAt(0), ...value])
  const run = await level.get(tagged('s', Uint8Array.of(shard >>> 24, shard >>> 16, shard >>> 8, shard))) as Uint8Array
  const row = await level.get(tagged('l', run)) as Uint8Array
  await level.put(tagged('l', run), row.subarray(0, 3))
}
