/**
 * Numbers that are published in the top-level index and that nobody knows: a rebuild takes a fresh one for each shard, and a
 * process that ends between publishing and naming it leaves the entries.
 */
import type { BulkParts } from './parts.ts'

/** Numbers that are looked up at a time. */
const PAGE = 256

/**
 * Those of earlier work only: what begins meanwhile takes later numbers. To be asked for while no rebuild is under way, and while
 * every record can be read.
 */
export async function * lostNumbers ({ parts: { catalogue, top } }: BulkParts, signal: AbortSignal): AsyncGenerator<number, void, undefined> {
  const from = catalogue.takeNumber()
  const unknown = new Set<number>()
  let page: number[] = []
  const look = async (): Promise<void> => {
    const keys = await Promise.all(page.map((number) => catalogue.keyOf(number)))
    page.forEach((number, at) => { if (keys[at] === undefined) unknown.add(number) })
    page = []
  }
  for await (const number of top.published({ signal })) {
    if (number >= from) continue
    if (page.push(number) >= PAGE) await look()
  }
  await look()
  if (unknown.size === 0) return
  // on its way it is named by a build, then by its shard, then as garbage: looked for in this order, and once more, none is missed
  for (let after: string | undefined; ;) {
    const records = await catalogue.page({ after, state: 'unfinished', limit: PAGE })
    for (const { record: { building } } of records) if (building !== undefined) unknown.delete(building.shardNumber)
    after = records.at(-1)?.key
    if (after === undefined) break
  }
  for await (const { garbage } of catalogue.garbage(undefined)) if (garbage.kind === 'index') unknown.delete(garbage.shardNumber)
  for (const number of unknown) if (await catalogue.keyOf(number) === undefined) yield number
}
