/** All records of a catalogue, without holding more than a page of them. */
import type { ListedRecord, RecordQuery, ShardCatalogue } from './shard-catalogue.ts'

export interface ListRecordsOptions extends Pick<RecordQuery, 'after' | 'state'> {
  /** Called before each page; what it throws ends the listing. */
  readonly before?: (() => void) | undefined
  /** Records read at a time. @default 256 */
  readonly pageRecords?: number | undefined
}

/** By key, those behind `after`; one that changes meanwhile comes as it was or as it is. */
export async function * listRecords (catalogue: Pick<ShardCatalogue, 'page'>, { after, state, before, pageRecords = 256 }: ListRecordsOptions = {}): AsyncGenerator<ListedRecord, void, undefined> {
  for (let last = after; ;) {
    before?.()
    const page = await catalogue.page({ after: last, state, limit: pageRecords })
    yield * page
    last = page.at(-1)?.key
    if (last === undefined || page.length < pageRecords) return
  }
}
