/**
 * What of a DAG somebody wants, as they wrote it: a path, or a selector of IPLD in DAG-JSON as Lotus takes it, where that means a path and
 * what is at its end.
 *
 *     a/b/c                                                  all below that entry
 *     {"R":{"l":{"none":{}},":>":{"a":{">":{"@":{}}}}}}      all
 *     {".":{}}                                               the block
 *     {"~":{"as":"unixfs",">":…}}                            of a file or directory: the entity
 *     {"f":{"f>":{"name":…}}}, {"i":{"i":3,">":…}}           a step of a path, and what is wanted behind it
 *     {".":{"subset":{"[":0,"]":100}}}                       bytes of a file, the last one excluded
 *     {"|":[{".":{}},…]}                                     the block, and what the other says
 *
 * Source: IPLD selectors specification; go-unixfsnode `UnixFSPathSelector`. Refused, rather than taken for something near: limits of depth,
 * conditions, several fields at once, and paths through the data model of dag-pb (`Links/0/Hash`), which gateways cannot be asked for.
 */
import type { DagPart } from './dag-source.ts'
import { TransferError } from './errors.ts'

const MAX_CHARACTERS = 1 << 16
const MAX_DEPTH = 1000

/** @throws {TransferError} `TRANSFER_BAD_SELECTOR`: neither a path nor a selector that means one */
export const parseSelector = (text: string): DagPart => {
  if (text.length > MAX_CHARACTERS) throw bad('longer than is read')
  if (!text.trimStart().startsWith('{')) return partOf(text.split('/').filter((segment) => segment !== '' && segment !== '.'), {})
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw bad('no JSON', cause)
  }
  return fromNode(json)
}

const fromNode = (start: unknown): DagPart => {
  const segments: string[] = []
  let node = start
  let isUnixfs = false
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const [kind, body] = onlyEntry(node)
    switch (kind) {
      case '~': {
        const { as, '>': next } = fields(body, 'as', '>')
        if (as !== 'unixfs' && as !== 'unixfs-preload') throw bad('an interpretation that is not known')
        isUnixfs = true
        node = next
        break
      }
      case 'f': {
        const { 'f>': next } = fields(body, 'f>')
        const [name, below] = onlyEntry(next)
        segments.push(name)
        node = below
        break
      }
      case 'i': {
        const { i, '>': next } = fields(body, 'i', '>')
        if (!Number.isSafeInteger(i) || (i as number) < 0) throw bad('no index')
        segments.push(String(i))
        node = next
        break
      }
      case '.': return partOf(segments, matched(body, isUnixfs))
      case 'R':
        checkRecursion(body)
        return partOf(segments, {})
      case '|': {
        const others = list(body).filter((each) => onlyEntry(each)[0] !== '.' || Object.keys(object(onlyEntry(each)[1])).length > 0)
        if (others.length > 1) throw bad('several parts at once')
        if (others.length === 0) return partOf(segments, matched({}, isUnixfs))
        node = others[0]
        break
      }
      default: throw bad('a part that is not known')
    }
  }
  throw bad('too deep')
}

const matched = (body: unknown, isUnixfs: boolean): DagPart => {
  const { subset, ...others } = object(body)
  if (Object.keys(others).length > 0) throw bad('a condition or label of a match')
  if (subset === undefined) return { scope: isUnixfs ? 'entity' : 'block' }
  const { '[': from, ']': end } = fields(subset, '[', ']')
  if (!Number.isSafeInteger(from) || !Number.isInteger(end) || (end as number) < Number.MIN_SAFE_INTEGER) throw bad('bytes from or to no number')
  // the greatest number stands for the end of the file
  if ((end as number) > Number.MAX_SAFE_INTEGER) return { scope: 'entity', entityBytes: { from: from as number } }
  // the end is excluded there, and the last one included here
  if ((end as number) === 0 || ((from as number) >= 0 && (end as number) > 0 && (end as number) <= (from as number))) throw bad('no bytes')
  return { scope: 'entity', entityBytes: { from: from as number, to: (end as number) - 1 } }
}

/** Without a limit, over all links, with a match of each block or without. */
const checkRecursion = (body: unknown): void => {
  const { l: limit, ':>': sequence } = fields(body, 'l', ':>')
  if (onlyEntry(limit)[0] !== 'none') throw bad('a limit of depth')
  const parts = onlyEntry(sequence)[0] === '|' ? list(onlyEntry(sequence)[1]) : [sequence]
  const steps = parts.map(onlyEntry).filter(([kind]) => kind !== '.')
  const [step] = steps
  if (steps.length !== 1 || step?.[0] !== 'a') throw bad('a recursion over something else than all')
  if (onlyEntry(fields(step[1], '>')['>'])[0] !== '@') throw bad('a recursion over something else than all')
}

const partOf = (path: readonly string[], part: DagPart): DagPart => {
  if (path.some((segment, n) => segment === 'Links' && /^\d+$/.test(path[n + 1] ?? '') && path[n + 2] === 'Hash')) throw bad('a path through the data model of dag-pb')
  if (path.includes('..')) throw bad('a path with ..')
  return path.length === 0 ? part : { path, ...part }
}

const object = (value: unknown): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('no map where one belongs')
  return value as Record<string, unknown>
}

const list = (value: unknown): readonly unknown[] => {
  if (!Array.isArray(value)) throw bad('no list where one belongs')
  return value
}

const onlyEntry = (value: unknown): readonly [string, unknown] => {
  const [entry, more] = Object.entries(object(value))
  if (entry === undefined || more !== undefined) throw bad('not one part')
  return entry
}

const fields = (value: unknown, ...names: readonly string[]): Readonly<Record<string, unknown>> => {
  const found = object(value)
  if (Object.keys(found).length !== names.length || !names.every((name) => Object.hasOwn(found, name))) throw bad(`fields; want=${names.join(',')}`)
  return found
}

const bad = (what: string, cause?: unknown): TransferError => new TransferError('TRANSFER_BAD_SELECTOR', `not a selector that can be asked for: ${what}`, cause === undefined ? {} : { cause })
