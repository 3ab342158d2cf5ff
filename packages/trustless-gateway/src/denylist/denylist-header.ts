/**
 * What stands before the `---` of a denylist: YAML, of which the fields that say how to read the rules are taken.
 *
 *     version: 1
 *     name: What it is
 *     hints:
 *       gateway_status: 410
 *
 * Source: IPFS compact denylist format, "Header". Looser: values of other fields are not checked to be YAML.
 */
import { DenylistError } from './errors.ts'

export interface DenylistHeader {
  readonly name: string | undefined
  readonly hints: Readonly<Record<string, string>>
}

const VERSION = '1'
const FIELD = /^("?)([^\s"':#{}[\],&*!|>%@`-][^"':#]*)\1\s*:(?:\s+(.*))?$/

/** @throws {DenylistError} `DENYLIST_BAD_HEADER`, `DENYLIST_BAD_VERSION` */
export const parseHeader = (lines: readonly string[], list: string): DenylistHeader => {
  const hints: Record<string, string> = {}
  let top: string | undefined
  let title: string | undefined
  for (const [at, line] of lines.entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue
    const [, , name = '', value = ''] = FIELD.exec(line.trim()) ?? []
    if (/^\s/.test(line)) {
      if (top === undefined) throw new DenylistError('DENYLIST_BAD_HEADER', 'a line belongs to no field', { list, line: at + 1 })
      if (top !== 'hints') continue
      if (name === '') throw new DenylistError('DENYLIST_BAD_HEADER', 'a hint is no pair of name and value', { list, line: at + 1 })
      hints[name] = plain(value)
    } else if (name === '' && !(top !== undefined && /^(?:- |[\]}])/.test(line))) {
      throw new DenylistError('DENYLIST_BAD_HEADER', 'a line is no field', { list, line: at + 1 })
    } else if (name !== '') {
      top = name
      if (name === 'name' && plain(value) !== '') title = plain(value)
      if (name === 'version' && plain(value) !== VERSION) throw new DenylistError('DENYLIST_BAD_VERSION', `version; want=${VERSION} got=${plain(value).slice(0, 20)}`, { list, line: at + 1 })
    }
  }
  return { name: title, hints }
}

/** Without quotes, and without a comment behind it. */
const plain = (value: string): string => {
  const [, double, single] = /^(?:"([^"]*)"|'([^']*)')\s*(?:#.*)?$/.exec(value) ?? []
  return double ?? single ?? value.replace(/\s+#.*$/, '').trim()
}
