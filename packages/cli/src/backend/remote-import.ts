/** An export of shards, in parts that a daemon takes: each is an export of its own. */
import type { ImportOutcome } from '@dagstore/dagstore'
import type { LotusApi } from '@dagstore/lotus-api'
import { readErrorText } from './remote-error.ts'
import { toShardInfo } from './remote-shapes.ts'

/** Most lines, and bytes, of one part; a line may be longer. */
const PART_LINES = 500
const PART_BYTES = 1 << 20

export const importRemotely = async function * (
  { DagstoreImportShards }: Pick<LotusApi, 'DagstoreImportShards'>, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, signal: AbortSignal | undefined
): AsyncGenerator<ImportOutcome, void, undefined> {
  let head: string | undefined
  let lines: string[] = []
  let bytes = 0
  /** Lines of shards in the parts that are sent. */
  let sent = 0
  const send = async function * (part: readonly string[], end: string): AsyncGenerator<ImportOutcome, void, undefined> {
    const before = sent
    sent += part.length
    for (const { Line, Key, Error, Shard } of await DagstoreImportShards([head ?? '', ...part, end].join('\n'), { signal })) {
      const line = before + Line
      const key = Key ?? undefined
      if (Error === '' && Shard !== null && key !== undefined) yield { line, key, ok: true, info: toShardInfo(Shard) }
      else yield { line, key, ok: false, error: readErrorText(Error) }
    }
  }
  let end: string | undefined
  for await (const line of textLines(chunks)) {
    signal?.throwIfAborted()
    if (head === undefined) {
      head = line
      continue
    }
    const total = endOf(line)
    if (total !== undefined) {
      // it counts all lines, and this part has the last of them
      end = endLine(total - sent)
      continue
    }
    if (end !== undefined) lines.push(end)
    end = undefined
    lines.push(line)
    bytes += line.length
    if (lines.length < PART_LINES && bytes < PART_BYTES) continue
    yield * send(lines, endLine(lines.length))
    lines = []
    bytes = 0
  }
  yield * send(lines, end ?? '')
}

const endLine = (count: number): string => `{"end":${count}}\n`

/** `undefined`: the line is another. */
const endOf = (line: string): number | undefined => {
  const found = /^\{"end":(\d{1,15})\}$/.exec(line.trim())?.[1]
  return found === undefined ? undefined : Number(found)
}

const textLines = async function * (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    yield * parts
  }
  if (rest !== '') yield rest
}
