/** An index without our trailer: what every other reader of CARv2 indices takes. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import { openIndex } from './open-index.ts'
import { PagedIndexView } from './paged-index-view.ts'

/**
 * The standard bytes of a detached index, checked against its trailer where it has one; its codec stays. The source stays the
 * caller's, chunks are read-only.
 *
 * @throws as {@link openIndex}: `CARV2_BAD_INDEX`, `CARV2_UNKNOWN_INDEX`, `CARV2_INDEX_DAMAGED`, `CARV2_TOO_LARGE`, `IO_*`
 */
export const standardIndex = async function * (source: ByteSource, options: CallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const view = await openIndex(source, options)
  try {
    if (!(view instanceof PagedIndexView)) throw new TypeError('an index without pages')
    yield * view.standard(options)
  } finally {
    await view.close()
  }
}
