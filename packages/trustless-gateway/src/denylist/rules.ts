/** All rules of denylists, so that looking one up takes the same time however many there are. */
import type { Hashes } from '@dagstore/hashes'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import type { Denial } from './denylist.ts'
import { DIGEST_BYTES, DigestTable } from './digest-table.ts'
import { type Digest, type HashedForm, type Rule, type Subject, trimmedPath } from './rule.ts'

/**
 * What is kept of a rule, as one number: of two that match the greater one was said later.
 *
 *     at   bits  field
 *     0    1     it allows
 *     1    1     451, not 410
 *     2    1     it holds for everything below too
 *     3    29    order among all rules
 */
const ALLOWS = 1
const LEGAL = 2
const OPEN = 4
const ORDER = 8
const MOST_RULES = 2 ** 29 - 1

const textEncoder = new TextEncoder()

interface PathRule {
  readonly path: string
  readonly open: boolean
  readonly value: number
}

/** Numbers by digests of any hash function and length. */
class Digests {
  readonly #tables: Map<number, DigestTable> = new Map()
  /** Those of other lengths, by {@link keyOf}. */
  readonly #others: Map<string, number[]> = new Map()

  get bytes (): number { return [...this.#tables.values()].reduce((sum, { bytes }) => sum + bytes, 0) }

  /** In place of one that holds for the same. */
  add ({ code, digest }: Digest, value: number): void {
    let replaced = false
    const replace = (old: number): number => {
      if ((old & OPEN) !== (value & OPEN)) return old
      replaced = true
      return value
    }
    if (digest.byteLength === DIGEST_BYTES) {
      const table = this.#tables.get(code) ?? new DigestTable()
      this.#tables.set(code, table)
      table.update(digest, replace)
      if (!replaced) table.add(digest, value)
      return
    }
    const key = keyOf({ code, digest })
    const values = (this.#others.get(key) ?? []).map(replace)
    this.#others.set(key, replaced ? values : [...values, value])
  }

  /** The last one that counts; 0: none. */
  last (multihash: Digest, counts: (value: number) => boolean): number {
    let last = 0
    const look = (value: number): number => {
      if (value > last && counts(value)) last = value
      return value
    }
    if (multihash.digest.byteLength === DIGEST_BYTES) this.#tables.get(multihash.code)?.update(multihash.digest, look)
    else if (this.#others.size > 0) this.#others.get(keyOf(multihash))?.forEach(look)
    return last
  }
}

interface ListPart {
  readonly title: string | undefined
  /** The order of its first rule. */
  readonly from: number
}

export class Rules {
  readonly #hashes: Hashes
  /** By multihash: rules without a path, or for everything below. */
  readonly #content: Digests = new Digests()
  /** By multihash. */
  readonly #paths: Map<string, PathRule[]> = new Map()
  /** By the hash of what they name. */
  readonly #hashed: Digests = new Digests()
  readonly #forms: Record<HashedForm, Set<number>> = { modern: new Set(), legacy: new Set() }
  readonly #lists: ListPart[] = []
  #count = 0

  constructor (hashes: Hashes) {
    this.#hashes = hashes
  }

  /** Rules so far. */
  get count (): number { return this.#count }

  /** Memory of the rules without paths. */
  get bytes (): number { return this.#content.bytes + this.#hashed.bytes }

  /** What is added from now on is of another list. @param title - told to those who ask for what is denied */
  begin (title: string | undefined): void { this.#lists.push({ title, from: this.#count + 1 }) }

  /** @returns what is wrong with it, as text; nothing of it is added then */
  add ({ subjects, allows }: Rule, status: Denial['status']): string | undefined {
    if (this.#count + 1 > MOST_RULES) return `more rules than ${MOST_RULES}`
    // of two ways to read a line one may be by chance, with a hash function that nobody has
    const usable = subjects.filter(({ kind, multihash: { code } }) => kind !== 'hashed' || this.#hashes.has(code))
    if (usable.length === 0) return subjects.length === 0 ? undefined : `no hasher; code=0x${(subjects[0]?.multihash.code ?? 0).toString(16)}`
    const value = ++this.#count * ORDER + (status === 451 ? LEGAL : 0) + (allows ? ALLOWS : 0)
    for (const subject of usable) this.#addSubject(subject, value)
    return undefined
  }

  #addSubject (subject: Subject, value: number): void {
    if (subject.kind === 'hashed') {
      this.#forms[subject.form].add(subject.multihash.code)
      this.#hashed.add(subject.multihash, value)
    } else if (subject.path === '') {
      this.#content.add(subject.multihash, subject.open ? value + OPEN : value)
    } else {
      const key = keyOf(subject.multihash)
      const rules = this.#paths.get(key) ?? []
      this.#paths.set(key, rules)
      rules.push({ path: subject.path, open: subject.open, value })
    }
  }

  check (cid: CID, path: string = ''): Denial | undefined {
    const below = trimmedPath(path)
    let last = this.#content.last(cid.multihash, below === '' ? () => true : (value) => (value & OPEN) !== 0)
    if (this.#paths.size > 0 && below !== '') {
      for (const rule of this.#paths.get(keyOf(cid.multihash)) ?? []) {
        if (rule.value > last && (rule.open ? below.startsWith(rule.path) : below === rule.path)) last = rule.value
      }
    }
    for (const form of ['modern', 'legacy'] as const) {
      const codes = this.#forms[form]
      if (codes.size === 0) continue
      for (const text of form === 'modern' ? [modernText(cid, below)] : legacyTexts(cid, below)) {
        const bytes = textEncoder.encode(text)
        for (const code of codes) last = Math.max(last, this.#hashed.last({ code, digest: this.#hashes.digest(code, bytes) }, () => true))
      }
    }
    if (last === 0 || (last & ALLOWS) !== 0) return undefined
    return { status: (last & LEGAL) !== 0 ? 451 : 410, reason: this.#titleOf(Math.floor(last / ORDER)) }
  }

  #titleOf (order: number): string | undefined {
    return this.#lists.findLast(({ from }) => from <= order)?.title
  }
}

const modernText = ({ multihash }: CID, path: string): string => `${base58btc.baseEncode(multihash.bytes)}${path === '' ? '' : `/${path}`}`

/** Codecs under which the same bytes may have been denied: dag-pb, raw, dag-cbor. */
const DENIED_CODECS = [0x70, 0x55, 0x71] as const

/** The hash tells nothing of the codec that was denied, and whoever asks may choose another one for the same bytes. */
const legacyTexts = ({ code, multihash }: CID, path: string): readonly string[] =>
  [...new Set([code, ...DENIED_CODECS])].map((codec) => `${CID.createV1(codec, multihash).toString()}/${path}`)

const keyOf = ({ code, digest }: Digest): string => `${code.toString(36)}:${base58btc.baseEncode(digest)}`
