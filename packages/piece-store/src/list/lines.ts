/** Lines of a text that comes in chunks. */
import { joinBytes } from '@dagstore/io'
import { badRow } from '../deal-fields.ts'
import type { PieceStoreError } from '../errors.ts'

/** Some 5,000 deals of one piece; whoever has more writes them on two lines. */
export const MAX_LINE_BYTES: number = 2 ** 20

/** From 1; without its end, LF or CRLF. `text` is the error when it is no line that can be read. */
export interface Line {
  readonly number: number
  readonly text: string | PieceStoreError
}

const LF = 0x0a
const CR = 0x0d
const BOM = '\ufeff'

/** Lines that are empty are counted and left out. Closes `chunks`. At most one line and one chunk are in memory. */
export async function * readLines (chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal, maxBytes: number = MAX_LINE_BYTES): AsyncGenerator<Line, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let parts: Uint8Array[] = []
  let length = 0
  let number = 1
  const line = (): Line => {
    const bytes = parts.length === 1 ? parts[0]! : joinBytes(parts, Math.min(length, maxBytes))
    const tooLong = length > maxBytes
    parts = []
    length = 0
    if (tooLong) return { number: number++, text: badRow(`line is too long; max=${maxBytes}`) }
    try {
      const text = decoder.decode(bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes)
      return { number, text: number++ === 1 && text.startsWith(BOM) ? text.slice(1) : text }
    } catch (cause) {
      return { number: number++, text: badRow('line is no UTF-8', cause) }
    }
  }
  const take = (part: Uint8Array): void => {
    // what is beyond the limit is counted only
    if (length <= maxBytes && part.byteLength > 0) parts.push(length + part.byteLength > maxBytes ? part.subarray(0, maxBytes - length) : part)
    length += part.byteLength
  }
  for await (const chunk of chunks) {
    signal?.throwIfAborted()
    let start = 0
    for (;;) {
      const end = chunk.indexOf(LF, start)
      if (end < 0) break
      take(chunk.subarray(start, end))
      start = end + 1
      const next = line()
      if (next.text !== '') yield next
      signal?.throwIfAborted()
    }
    // the rest outlives the chunk, which its source may use again
    take(chunk.slice(start))
  }
  signal?.throwIfAborted()
  if (length === 0) return
  const last = line()
  if (last.text !== '') yield last
}
