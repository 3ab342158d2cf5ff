/** Denylists, read into one set of rules. */
import type { Hashes } from '@dagstore/hashes'
import type { Denial } from './denylist.ts'
import { parseHeader } from './denylist-header.ts'
import { linesOf } from './denylist-lines.ts'
import { DenylistError } from './errors.ts'
import { parseRule } from './rule.ts'
import { Rules } from './rules.ts'

export interface DenylistSource {
  /** For the operator: a file name, say. */
  readonly name: string
  /** The text, UTF-8, in chunks of any length. */
  read (): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export interface DenylistOptions {
  /** With which hashed rules are compared. A rule of another hash function counts as a bad line. */
  readonly hashes: Hashes
  /** `refuse`: no list is taken over that has a bad line. @default 'skip' */
  readonly badLines?: 'skip' | 'refuse' | undefined
  /** Where neither the line nor the header has a hint `gateway_status`. @default 410 */
  readonly status?: Denial['status'] | undefined
}

export interface BadLine {
  readonly list: string
  /** From 1. */
  readonly line: number
  readonly reason: string
}

export interface DenylistReport {
  /** Rules that count here. */
  readonly rules: number
  /** Memory of those without paths. */
  readonly bytes: number
  /** Lines that were skipped. */
  readonly badLineCount: number
  /** The first hundred of them. */
  readonly badLines: readonly BadLine[]
}

/** Characters of lines that may be a header; source: IPFS compact denylist format, "Header". */
const MAX_HEADER = 1 << 20
const REPORTED = 100

/**
 * Rules of a later list go before those of an earlier one.
 *
 * @throws {DenylistError} what makes a list unusable; with `refuse` also `DENYLIST_BAD_LINE`
 */
export const parseDenylists = async (sources: Iterable<DenylistSource> | AsyncIterable<DenylistSource>, { hashes, badLines = 'skip', status = 410 }: DenylistOptions): Promise<{ readonly rules: Rules, readonly report: DenylistReport }> => {
  const rules = new Rules(hashes)
  const bad: BadLine[] = []
  let badLineCount = 0
  const skip = (list: string, line: number, reason: string): void => {
    if (badLines === 'refuse') throw new DenylistError('DENYLIST_BAD_LINE', reason, { list, line })
    badLineCount++
    if (bad.length < REPORTED) bad.push({ list, line, reason })
  }
  for await (const { name: list, read } of sources) {
    rules.begin(undefined)
    let standing = status
    let done = 0
    const take = (line: string): void => {
      done++
      if (line.startsWith('#') || line.trim() === '') return
      const rule = parseRule(line)
      const trouble = typeof rule === 'string' ? rule : rules.add(rule, statusOf(rule.hints) ?? standing)
      if (trouble !== undefined) skip(list, done, trouble)
    }
    // what may be a header, as long as nobody knows
    let head: string[] | undefined = []
    let headLength = 0
    for await (const lines of linesOf(read(), list)) {
      for (const line of lines) {
        if (head === undefined) {
          take(line)
        } else if (line.trimEnd() === '---') {
          const header = parseHeader(head, list)
          rules.begin(header.name)
          standing = statusOf(header.hints) ?? status
          done = head.length + 1
          head = undefined
        } else {
          head.push(line)
          headLength += line.length + 1
          if (headLength <= MAX_HEADER) continue
          head.forEach(take)
          head = undefined
        }
      }
    }
    head?.forEach(take)
  }
  return { rules, report: { rules: rules.count, bytes: rules.bytes, badLineCount, badLines: bad } }
}

const statusOf = ({ gateway_status: status }: Readonly<Record<string, string>>): Denial['status'] | undefined => (status === '451' ? 451 : status === '410' ? 410 : undefined)
