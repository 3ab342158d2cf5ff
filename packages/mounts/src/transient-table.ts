/** What there is of transient copies in a directory, in the order in which it was used, and what may be given up of it. */
import { type CallOptions, type Directory, IoError, onAbort } from '@dagstore/io'
import { readAdoption } from './adoption.ts'
import { readProgress } from './copy-progress.ts'
import { type CopyOwner, readTrailer } from './copy-trailer.ts'
import { countIn, fieldsOf } from './identity-json.ts'
import { readJson } from './read-json.ts'
import { nameWith, parseTransientName, TRANSIENT_ENDINGS, type TransientEnding } from './transient-name.ts'

/** All files of one base name. */
export interface TransientEntry {
  readonly base: string
  readonly digits: string
  /** Length by ending; those that are missing are not there. */
  readonly files: Map<TransientEnding, number>
  /** What was given is still somebody else's: it takes no room of ours, and giving it up makes none. */
  lent: boolean
  /** Being deleted. */
  going: boolean
  pins: number
  /** Called when the last pin goes. */
  readonly unpinned: Set<() => void>
}

const ORDER_FILE = 'transients.json'
const VERSION = 'dagstore-transients'
/** Sizes are remembered of so many shards. */
const MAX_SIZES = 65_536

export class TransientTable {
  readonly directory: Directory
  /** Used longest ago first. */
  readonly entries: Map<string, TransientEntry> = new Map()
  readonly #keepsOrder: boolean
  readonly #settle: (bytes: number) => void
  /** By the digits of a key. */
  readonly #sizes: Map<string, number> = new Map()
  #loading: Promise<void> | undefined
  #changes = 0
  #saving: Promise<void> = Promise.resolve()

  /**
   * @param keepsOrder - write the order down
   * @param settle - called with the bytes that came (above 0) or went
   */
  constructor (directory: Directory, keepsOrder: boolean, settle: (bytes: number) => void) {
    this.directory = directory
    this.#keepsOrder = keepsOrder
    this.#settle = settle
  }

  /** Look at what is there, once; a failure is not kept. */
  load (): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined
      throw error
    })
    return this.#loading
  }

  entry (base: string, digits: string): TransientEntry {
    const known = this.entries.get(base)
    if (known !== undefined) return known
    const made: TransientEntry = { base, digits, files: new Map(), lent: false, going: false, pins: 0, unpinned: new Set() }
    this.entries.set(base, made)
    return made
  }

  /** The last to be given up. */
  touch (entry: TransientEntry): void {
    this.entries.delete(entry.base)
    this.entries.set(entry.base, entry)
    this.#changes++
  }

  /** Until the function given back is called, once, nothing of it is deleted. */
  pin (entry: TransientEntry): () => void {
    entry.pins++
    let pinned = true
    return () => {
      if (!pinned) return
      pinned = false
      if (--entry.pins > 0) return
      for (const go of entry.unpinned) go()
      if (entry.files.size === 0 && this.entries.get(entry.base) === entry) this.entries.delete(entry.base)
    }
  }

  async whenUnpinned (entry: TransientEntry, { signal }: CallOptions = {}): Promise<void> {
    while (entry.pins > 0) {
      await new Promise<void>((resolve, reject) => {
        signal?.throwIfAborted()
        const unwatch = signal === undefined ? () => {} : onAbort(signal, () => { entry.unpinned.delete(go); reject(signal.reason) })
        const go = (): void => { entry.unpinned.delete(go); unwatch(); resolve() }
        entry.unpinned.add(go)
      })
    }
  }

  /** Look again which files of the entry there are. @param counted - called once they are counted */
  async refresh (entry: TransientEntry, counted: () => void = () => {}): Promise<void> {
    const sizes: (number | undefined)[] = []
    for (const ending of TRANSIENT_ENDINGS) {
      const found = await this.directory.stat(nameWith(entry.base, ending))
      sizes.push(found?.kind === 'file' ? found.sizeBytes : undefined)
    }
    for (const [at, ending] of TRANSIENT_ENDINGS.entries()) this.#set(entry, ending, sizes[at])
    counted()
    this.#dropEmpty(entry)
  }

  set (entry: TransientEntry, ending: TransientEnding, sizeBytes: number | undefined): void {
    this.#set(entry, ending, sizeBytes)
    this.#dropEmpty(entry)
  }

  /** Bytes that deleting the entry gives back. */
  bytesOf (entry: TransientEntry): number {
    let sum = 0
    for (const [ending, bytes] of entry.files) if (ending !== 'adopted' || !entry.lent) sum += bytes
    return sum
  }

  /** Whose it is, by what stands in its files; `undefined`: it only has a name of ours. */
  async ownerOf (entry: TransientEntry, options: CallOptions = {}): Promise<Partial<CopyOwner> | undefined> {
    if (entry.files.has('adoption')) return readAdoption(this.directory, nameWith(entry.base, 'adoption'), options)
    return entry.files.has('transient') ? this.ownerOfCopy(entry, options) : readProgress(this.directory, nameWith(entry.base, 'progress'), options)
  }

  /** The same of a whole copy, by its trailer. */
  async ownerOfCopy ({ base }: TransientEntry, options: CallOptions = {}): Promise<Partial<CopyOwner> | undefined> {
    try {
      const file = await this.directory.openSource(nameWith(base, 'transient'), options)
      try {
        const trailer = await readTrailer(file, options)
        return trailer === undefined ? undefined : trailer.owner ?? {}
      } finally {
        await file.close()
      }
    } catch (error) {
      if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return undefined
      throw error
    }
  }

  /** Delete files of the entry, all unless some are named, durably; the records that say whose they are last. Gives the bytes that went. */
  async discard (entry: TransientEntry, endings: readonly TransientEnding[] = ['transient', 'partial', 'adopted', 'progress', 'adoption']): Promise<number> {
    const before = this.bytesOf(entry)
    entry.going = true
    try {
      for (const ending of endings) {
        if (!entry.files.has(ending)) continue
        await this.directory.remove(nameWith(entry.base, ending))
        this.#set(entry, ending, undefined)
      }
    } finally {
      entry.going = false
    }
    const after = this.bytesOf(entry)
    this.#dropEmpty(entry)
    this.#changes++
    return before - after
  }

  /** Of what was lent, delete the copy that was made beside it. Gives the bytes that went. */
  async discardCopy (entry: TransientEntry): Promise<number> {
    if (entry.pins > 0 || !entry.files.has('transient') || (await this.ownerOfCopy(entry)) === undefined || entry.pins > 0) return 0
    return this.discard(entry, ['transient', 'partial', 'progress'])
  }

  /** Beside a whole copy: what a process that ended at the last step of making it has left. */
  async tidy (base: string): Promise<void> {
    const entry = this.entries.get(base)
    if (entry === undefined || !entry.files.has('transient')) return
    for (const ending of ['partial', 'progress'] as const) {
      if (!entry.files.has(ending)) continue
      await this.directory.remove(nameWith(base, ending)).then(() => { this.#set(entry, ending, undefined) }, () => {}) // next time
    }
  }

  sizeOf (digits: string): number | undefined { return this.#sizes.get(digits) }

  remember (digits: string, sizeBytes: number): void {
    this.#sizes.delete(digits)
    this.#sizes.set(digits, sizeBytes)
    const [oldest] = this.#sizes.size > MAX_SIZES ? this.#sizes.keys() : []
    if (oldest !== undefined) this.#sizes.delete(oldest)
  }

  /**
   * Write order and sizes down, if that is worth it. Both are hints: losing them makes copies go in the order of their names,
   * and reservations begin small; so a failure is nobody's. Where there is no quota neither is of use.
   *
   * @param always - however little has changed
   */
  save (always: boolean): Promise<void> {
    if (!this.#keepsOrder || this.#loading === undefined || this.#changes <= (always ? 0 : this.entries.size >> 6)) return this.#saving
    this.#changes = 0
    const json = JSON.stringify({ [VERSION]: 1, order: [...this.entries.keys()], sizes: [...this.#sizes] })
    this.#saving = this.#saving.then(() => this.directory.writeAtomic(ORDER_FILE, [new TextEncoder().encode(`${json}\n`)])).then(() => {}, () => {})
    return this.#saving
  }

  async #load (): Promise<void> {
    const order = fieldsOf(await readJson(this.directory, ORDER_FILE))
    const found = new Map<string, { digits: string, files: Map<TransientEnding, number> }>()
    for (const { name: folder, kind } of await this.directory.list('')) {
      if (kind !== 'directory' || !/^[0-9a-f]{2}$/u.test(folder)) continue
      for (const child of await this.directory.list(folder)) {
        const parts = child.kind === 'file' ? parseTransientName(`${folder}/${child.name}`) : undefined
        if (parts === undefined) continue
        const stat = await this.directory.stat(`${folder}/${child.name}`)
        if (stat?.kind !== 'file') continue
        const entry = found.get(parts.base) ?? { digits: parts.digits, files: new Map() }
        entry.files.set(parts.ending, stat.sizeBytes)
        found.set(parts.base, entry)
      }
    }
    const listed = order.get(VERSION) === 1 ? order : new Map<string, unknown>()
    const bases = new Set(textsIn(listed.get('order')).filter((base) => found.has(base)))
    for (const [digits, size] of pairsIn(listed.get('sizes'))) this.remember(digits, size)
    for (const base of [...[...found.keys()].filter((name) => !bases.has(name)), ...bases]) {
      const { digits, files } = found.get(base)!
      const entry = this.entry(base, digits)
      if (files.has('adoption')) entry.lent = (await readAdoption(this.directory, nameWith(base, 'adoption')))?.mode !== 'move'
      for (const [ending, bytes] of files) this.#set(entry, ending, bytes)
    }
  }

  #set (entry: TransientEntry, ending: TransientEnding, sizeBytes: number | undefined): void {
    const before = this.bytesOf(entry)
    if (sizeBytes === undefined) entry.files.delete(ending)
    else entry.files.set(ending, sizeBytes)
    const more = this.bytesOf(entry) - before
    if (more !== 0) this.#settle(more)
  }

  #dropEmpty (entry: TransientEntry): void {
    if (entry.files.size === 0 && entry.pins === 0 && this.entries.get(entry.base) === entry) this.entries.delete(entry.base)
  }
}

const textsIn = (json: unknown): readonly string[] => Array.isArray(json) ? json.filter((item: unknown) => typeof item === 'string') : []

const pairsIn = (json: unknown): readonly (readonly [string, number])[] => {
  if (!Array.isArray(json)) return []
  return json.flatMap((item: unknown) => {
    const fields = fieldsOf(item)
    const digits = fields.get('0')
    try {
      return typeof digits === 'string' ? [[digits, countIn(fields, '1')] as const] : []
    } catch {
      return []
    }
  })
}
