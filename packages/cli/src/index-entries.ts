/** The entries of an index as lines: multihash in hex for people, objects for programs. */
import { encodeVarint, type IndexView } from '@dagstore/carv2'
import { nameOf } from './car/code-names.ts'
import { CommandError } from './failure.ts'
import type { Terminal } from './terminal.ts'
import { toJson } from './text.ts'

const CHUNK_CHARACTERS = 1 << 16

export interface EntryLines {
  readonly json: boolean
  /** Whether lines for people have the offset behind the multihash. */
  readonly offsets: boolean
}

/** @throws {CommandError} `COMMAND_REFUSED`: without `json`, of an index that knows no hash functions */
export const writeEntries = async (view: IndexView, { json, offsets }: EntryLines, terminal: Terminal): Promise<void> => {
  if (view.facts.codec === 0x0400 && !json) {
    throw new CommandError('COMMAND_REFUSED', `index of codec ${nameOf(view.facts.codec)} does not know hash functions, so it has no multihashes to list (--json lists digests)`)
  }
  let lines = ''
  for await (const { code, digest, sectionOffset, dataBytes } of view.entries({ signal: terminal.signal })) {
    const digestHex = Buffer.from(digest).toString('hex')
    const multihash = code === undefined ? null : Buffer.concat([encodeVarint(code), encodeVarint(digest.byteLength), digest]).toString('hex')
    lines += json
      ? `${toJson({ multihash, digest: digestHex, code: code ?? null, offset: sectionOffset, dataBytes: dataBytes ?? null })}\n`
      : `${multihash ?? ''}${offsets ? ` ${sectionOffset}` : ''}\n`
    if (lines.length < CHUNK_CHARACTERS) continue
    terminal.stdout(lines)
    await terminal.drained?.()
    lines = ''
  }
  terminal.stdout(lines)
}
