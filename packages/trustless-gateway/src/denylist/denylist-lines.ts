/** The lines of a denylist, as its bytes come. */
import { DenylistError } from './errors.ts'

/** Characters of one line; source: IPFS compact denylist format, which counts bytes. */
const MAX_LINE = 2 << 20

/**
 * Without their ends, a last one without an end too.
 *
 * @throws {DenylistError} `DENYLIST_LINE_TOO_LONG`
 */
export async function * linesOf (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, list: string): AsyncGenerator<readonly string[], void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  let count = 0
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    count += lines.length
    if (rest.length > MAX_LINE || lines.some(({ length }) => length > MAX_LINE)) {
      throw new DenylistError('DENYLIST_LINE_TOO_LONG', `a line is too long; max=${MAX_LINE}`, { list, line: count + (rest.length > MAX_LINE ? 1 : 0) })
    }
    yield lines
  }
  rest += decoder.decode()
  if (rest !== '') yield [rest]
}
