/// <reference lib="esnext.disposable" preserve="true" />
/** The copies of one directory: who opens what, what is in use, what goes. How they come to be: `transient-fetch.ts`. */
import { type ByteSource, type CallOptions, compareIdentity, IoError, withdrawable } from '@dagstore/io'
import { type Adoption, type LocalFiles, readAdoption, writeAdoption } from './adoption.ts'
import { causeOf, MountError, retryOf } from './errors.ts'
import { type Fetched, Flights } from './flights.ts'
import type { Mount } from './mount.ts'
import { openedFor } from './opened-for.ts'
import { Space } from './space.ts'
import { openCopy } from './transient-copy.ts'
import { TransientFetch } from './transient-fetch.ts'
import { keyDigits, nameWith, transientBase } from './transient-name.ts'
import { type TransientEntry, TransientTable } from './transient-table.ts'
import type { AdoptOptions, CollectedTransient, CollectedTransients, CollectOptions, OpenTransientOptions, TransientOf, Transients, TransientsSettings, TransientsUsage } from './transients.ts'
import { Turns } from './turns.ts'

export class TransientStore implements Transients {
  readonly #settings: TransientsSettings
  readonly #table: TransientTable
  readonly #space: Space
  readonly #turns: Turns = new Turns(() => { this.#space.wake() })
  readonly #flights: Flights = new Flights()
  readonly #fetching: TransientFetch
  /** Whoever waits for readers to leave is refused when it aborts. */
  readonly #ending: AbortController = new AbortController()
  #closed: Promise<void> | undefined

  constructor (settings: TransientsSettings) {
    this.#settings = settings
    this.#table = new TransientTable(settings.directory, settings.quotaBytes !== Number.POSITIVE_INFINITY, (bytes) => { this.#space.settle(bytes) })
    this.#space = new Space({
      ...settings,
      evict: (bytes) => this.#evict(bytes),
      mayFreeLater: () => [...this.#table.entries.values()].some((entry) => this.#isInUse(entry) && !this.#fetching.isWaiting(entry.base)),
      onWait: () => { settings.onWait?.() },
      waits: (count) => settings.watch?.waits(count),
    })
    this.#fetching = new TransientFetch({ settings, table: this.#table, space: this.#space, flights: this.#flights, evict: (bytes) => this.#evict(bytes) })
  }

  async open (mount: Mount, options: OpenTransientOptions): Promise<ByteSource> {
    const { key, generation, signal, onProgress, onWait, inTurn, noDownload = false } = options
    const base = transientBase(key, generation)
    signal?.throwIfAborted()
    this.#check()
    const fetch = (end: AbortSignal): Promise<Fetched> => this.#fetching.fetch(mount, base, { key, generation }, { noDownload, inTurn }, end)
    // whoever wants no download must not be made to wait for one
    const start = (end: AbortSignal): Promise<Fetched> => noDownload ? fetch(end) : this.#turns.take(base, () => fetch(end), { signal: end })
    const flight = this.#flights.join(noDownload ? `${base} local` : base, start, { onProgress, onWait })
    try {
      const fetched = await flight.landed(signal)
      this.#check()
      if (fetched.kind === 'copy') return await this.#openFetched(base, fetched, !noDownload, signal)
      const own = flight.claim(fetched)
      if (own !== undefined) return own
      const again = await openedFor(mount, signal)
      if (again.access === 'random') return again.source
      throw new MountError('MOUNT_UNREACHABLE', 'the mount has changed its kind of access', { retry: 'later' })
    } finally {
      await flight.leave(signal?.reason)
    }
  }

  async has ({ key, generation }: TransientOf): Promise<boolean> {
    const base = transientBase(key, generation)
    this.#check()
    await this.#table.load()
    const entry = this.#table.entries.get(base)
    if (entry === undefined) return false
    const unpin = this.#fetching.unpinning(entry)
    try {
      const copy = await openCopy(entry, this.#settings, undefined)
      await copy?.source.close()
      return copy !== undefined
    } finally {
      unpin()
    }
  }

  async adopt ({ key, generation, path: given, mode, signal }: AdoptOptions): Promise<void> {
    const { localFiles, directory } = this.#settings
    if (localFiles === undefined) throw new TypeError('opened without local files')
    const base = transientBase(key, generation)
    this.#check()
    await this.#table.load()
    const path = localFiles.recorded(given)
    await this.#turns.take(base, async () => {
      const known = this.#table.entries.get(base)
      const before = known?.files.has('adoption') === true ? await readAdoption(directory, nameWith(base, 'adoption'), { signal }) : undefined
      if (before?.path === path && before.mode === mode && (mode === 'borrow' || known?.files.has('adopted') === true)) return
      const file = await localFiles.open(path, { signal })
      const { identity } = file
      await file.close()
      const entry = this.#table.entry(base, keyDigits(key))
      await this.#whenUnpinned(entry, signal)
      await this.#table.discard(entry)
      const adopted = this.#table.entry(base, keyDigits(key))
      const record = { key, generation, mode, path, identity }
      // the record first: it says that the file is ours, once it is here
      adopted.lent = mode !== 'move'
      this.#table.set(adopted, 'adoption', await writeAdoption(directory, nameWith(base, 'adoption'), record))
      if (mode !== 'borrow') {
        try {
          await this.#takeIn(adopted, record, localFiles)
        } catch (error) {
          // it may stand here all the same
          await this.#table.refresh(adopted).catch(() => {}) // whoever comes next looks again
          throw error
        }
      }
      this.#table.remember(adopted.digits, identity.sizeBytes)
      this.#table.touch(adopted)
    }, { signal })
    await this.#table.save(false)
  }

  /** Move or link the file here, and write down what it is then. */
  async #takeIn (entry: TransientEntry, record: Adoption, localFiles: LocalFiles): Promise<void> {
    const { directory } = this.#settings
    const name = nameWith(entry.base, 'adopted')
    await localFiles[record.mode === 'move' ? 'move' : 'link'](record.path, name)
    const here = await directory.openSource(name)
    await here.close()
    // a copy has an inode of its own
    if (compareIdentity(record.identity, here.identity) !== 'same') {
      this.#table.set(entry, 'adoption', await writeAdoption(directory, nameWith(entry.base, 'adoption'), { ...record, identity: here.identity }))
    }
    this.#table.set(entry, 'adopted', here.sizeBytes)
  }

  async remove (key: string, generation: number, { signal }: CallOptions = {}): Promise<void> {
    const base = transientBase(key, generation)
    signal?.throwIfAborted()
    this.#check()
    await this.#table.load()
    await this.#turns.take(base, async () => {
      const entry = this.#table.entry(base, keyDigits(key))
      await this.#whenUnpinned(entry, signal)
      // whatever an earlier look has said: on return it is gone
      await this.#table.refresh(entry)
      await this.#table.discard(entry)
    }, { signal })
    await this.#table.save(false)
  }

  async collect ({ dryRun = false, keep, signal }: CollectOptions = {}): Promise<CollectedTransients> {
    this.#check()
    await this.#table.load()
    const items: CollectedTransient[] = []
    const failures: { name: string, error: unknown }[] = []
    // those that are used meanwhile change their place
    const entries = [...this.#table.entries.values()]
    for (const entry of entries) {
      signal?.throwIfAborted()
      if (this.#isInUse(entry) || (entry.lent && keep === undefined)) continue
      try {
        const item = await this.#turns.take(entry.base, () => this.#collectOne(entry, dryRun, keep, signal), { signal })
        if (item !== undefined) items.push(item)
      } catch (error) {
        signal?.throwIfAborted()
        failures.push({ name: entry.base, error })
      }
    }
    await this.#table.save(false)
    return { items, failures, reclaimedBytes: items.reduce((sum, { bytes }) => sum + bytes, 0) }
  }

  async usage (): Promise<TransientsUsage> {
    this.#check()
    await this.#table.load()
    const entries = [...this.#table.entries.values()]
    const pinned = entries.filter(({ pins }) => pins > 0)
    return {
      bytes: this.#space.usedBytes,
      reservedBytes: this.#space.reservedBytes,
      pinnedBytes: pinned.reduce((sum, entry) => sum + this.#table.bytesOf(entry), 0),
      copies: entries.filter(({ files }) => files.has('transient') || files.has('adoption')).length,
      waiting: this.waiting,
    }
  }

  async sizeOf (key: string): Promise<number | undefined> {
    this.#check()
    await this.#table.load()
    return this.#table.sizeOf(keyDigits(key))
  }

  get waiting (): number { return this.#space.waiting }

  close (): Promise<void> {
    this.#closed ??= (async () => {
      const closed = new IoError('IO_CLOSED', 'transients are closed')
      this.#ending.abort(closed)
      await this.#flights.end(closed)
      // nothing is changed in the folder after this
      await this.#turns.rest()
      await this.#table.save(true)
    })()
    return this.#closed
  }

  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  #check (): void {
    if (this.#closed !== undefined) throw new IoError('IO_CLOSED', 'transients are closed')
  }

  async #whenUnpinned (entry: TransientEntry, signal: AbortSignal | undefined): Promise<void> {
    await withdrawable(this.#table.whenUnpinned(entry, { signal }), this.#ending.signal)
    signal?.throwIfAborted()
    this.#ending.signal.throwIfAborted()
  }

  #isInUse (entry: TransientEntry): boolean {
    return entry.pins > 0 || this.#turns.busy(entry.base)
  }

  /** Give up copies that nobody reads, those used longest ago first, until so many bytes are free. One that cannot be deleted keeps no other. */
  async #evict (bytes: number): Promise<number> {
    await this.#table.load()
    const failures: unknown[] = []
    let freed = 0
    const entries = [...this.#table.entries.values()]
    const isWhole = ({ files }: TransientEntry): boolean => files.has('transient') || files.has('adopted')
    // what is not whole serves nobody
    for (const entry of [...entries.filter((one) => !isWhole(one)), ...entries.filter(isWhole)]) {
      if (freed >= bytes) break
      if (this.#isInUse(entry)) continue
      try {
        const went = await this.#turns.take(entry.base, async () => entry.lent ? this.#table.discardCopy(entry) : (await this.#collectOne(entry, false, undefined, undefined))?.bytes ?? 0)
        freed += went
        if (went > 0) this.#settings.watch?.evicted(went)
      } catch (error) {
        failures.push(error)
      }
    }
    if (freed < bytes && failures.length > 0) throw new IoError('IO_FAILED', `copies could not be given up; count=${failures.length} freed=${freed}`, { ...causeOf(failures), retry: retryOf(failures) })
    return freed
  }

  /** `undefined`: it stays. */
  async #collectOne (entry: TransientEntry, dryRun: boolean, keep: CollectOptions['keep'], signal: AbortSignal | undefined): Promise<CollectedTransient | undefined> {
    if (entry.pins > 0 || entry.files.size === 0) return undefined
    const owner = await this.#table.ownerOf(entry, { signal })
    if (owner === undefined) return undefined
    const { key, generation } = owner
    const known = key === undefined || generation === undefined ? {} : { key, generation }
    const item: CollectedTransient = { ...known, name: entry.base, kinds: [...entry.files.keys()], bytes: this.#table.bytesOf(entry) }
    if (keep !== undefined && await keep({ ...known, name: entry.base })) return undefined
    // somebody may have opened it meanwhile
    if (entry.pins > 0) return undefined
    if (!dryRun) await this.#table.discard(entry)
    return item
  }

  /** What was fetched for several callers, opened for one of them. @param used - not only looked at */
  async #openFetched (base: string, { identity }: Extract<Fetched, { kind: 'copy' }>, used: boolean, signal: AbortSignal | undefined): Promise<ByteSource> {
    const entry = this.#table.entries.get(base)
    const unpin = entry === undefined ? () => {} : this.#fetching.unpinning(entry)
    try {
      const copy = entry === undefined ? undefined : await openCopy(entry, this.#settings, signal)
      if (entry === undefined || copy === undefined) throw new IoError('IO_NOT_FOUND', `transient copy has vanished; in=${this.#settings.directory.label}`, { retry: 'later' })
      if (used) this.#table.touch(entry)
      const { source } = copy
      const close = async (): Promise<void> => {
        await source.close()
        unpin()
      }
      return { ...source, ...(copy.given && identity !== undefined ? { identity } : {}), close, [Symbol.asyncDispose]: close }
    } catch (error) {
      unpin()
      throw error
    }
  }
}
