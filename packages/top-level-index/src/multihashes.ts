/** What is published: multihashes, as they come. */

/** One by one, or, sooner done, many at a time. Each is copied before the next one is asked for. */
export type Multihashes = AsyncIterable<Uint8Array | Iterable<Uint8Array>> | Iterable<Uint8Array>

/** Lists of multihashes, none of which waits for anything. */
export const inBatches = async function * (multihashes: Multihashes): AsyncGenerator<Iterable<Uint8Array>, void, undefined> {
  if (Symbol.asyncIterator in multihashes) {
    for await (const some of multihashes) yield some instanceof Uint8Array ? [some] : some
  } else {
    yield multihashes
  }
}
