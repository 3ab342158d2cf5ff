/** From a mount to bytes that can be read at any place: as they are, by a copy that is there, or by one that is made now. */
import { IoError, withdrawable } from '@dagstore/io'
import { checkFor, contentOf, pieceNamed, pieceNamedBy } from './content-check.ts'
import { copyWhole, resumePoint } from './copying.ts'
import { type CopyOwner, encodeTrailer } from './copy-trailer.ts'
import { MountError } from './errors.ts'
import type { Fetched, Flights } from './flights.ts'
import type { Mount, MountBytes, SequentialBytes } from './mount.ts'
import { openedFor } from './opened-for.ts'
import type { Reservation, Space } from './space.ts'
import { type Copy, isCopyOf, openCopy } from './transient-copy.ts'
import { keyDigits, nameWith } from './transient-name.ts'
import type { TransientEntry, TransientTable } from './transient-table.ts'
import type { OpenTransientOptions, TransientsSettings } from './transients.ts'

export interface FetchParts {
  readonly settings: TransientsSettings
  readonly table: TransientTable
  readonly space: Space
  readonly flights: Flights
  /** Give up copies that nobody reads until so many bytes are free; gives how many there were. */
  readonly evict: (bytes: number) => Promise<number>
}

/** What the caller says about copying. */
type Copying = Pick<OpenTransientOptions, 'noDownload' | 'inTurn'>

interface Pinned { readonly copy: Copy, readonly unpin: () => void }

export class TransientFetch {
  readonly #settings: TransientsSettings
  readonly #table: TransientTable
  readonly #space: Space
  readonly #flights: Flights
  readonly #evict: (bytes: number) => Promise<number>
  /** Bases whose copies wait for room. */
  readonly #waiting: Set<string> = new Set()

  constructor ({ settings, table, space, flights, evict }: FetchParts) {
    this.#settings = settings
    this.#table = table
    this.#space = space
    this.#flights = flights
    this.#evict = evict
  }

  /** A copy of it waits for room, so it gives none itself. */
  isWaiting (base: string): boolean { return this.#waiting.has(base) }

  /** What the mount has, or a copy of it. Runs alone among all that concerns the base. */
  async fetch (mount: Mount, base: string, owner: CopyOwner, copying: Copying, signal: AbortSignal): Promise<Fetched> {
    let opened: MountBytes
    try {
      opened = await openedFor(mount, signal)
    } catch (error) {
      // a whole copy of this generation is as good as the source while that cannot be reached
      const present = isAway(error) ? await this.#pinned(base, signal) : undefined
      if (present === undefined) throw error
      await this.#close(present)
      await this.#table.tidy(base)
      return { kind: 'copy', identity: undefined, unpin: present.unpin }
    }
    if (opened.access === 'random' && opened.source.cost.kind !== 'remote') return { kind: 'random', source: opened.source }
    try {
      const found = await this.#local(mount, opened, base, owner, copying, signal)
      if (found === undefined && opened.access === 'random') return { kind: 'random', source: opened.source }
      if (opened.access === 'random') await opened.source.close()
      return found!
    } catch (error) {
      if (opened.access === 'random') await opened.source.close()
      throw error
    }
  }

  /** A copy of what was opened; `undefined`: there is none, and none is needed. */
  async #local (mount: Mount, opened: MountBytes, base: string, owner: CopyOwner, { noDownload, inTurn }: Copying, signal: AbortSignal): Promise<Fetched | undefined> {
    const identity = opened.access === 'random' ? opened.source.identity : opened.identity
    const present = await this.#pinned(base, signal)
    if (present === undefined && opened.access === 'random') return undefined
    let announced = identity?.sizeBytes
    try {
      announced ??= (await withdrawable(mount.stat({ signal }), signal)).sizeBytes
    } catch (error) {
      if (present !== undefined) await this.#close(present)
      present?.unpin()
      throw error
    }
    if (present !== undefined) {
      await this.#close(present)
      if (isCopyOf(present.copy, identity, announced)) {
        await this.#table.tidy(base)
        return { kind: 'copy', identity, unpin: present.unpin }
      }
      present.unpin()
      if (!present.copy.given) throw new MountError('MOUNT_COPY_OUTDATED', `the mount has other bytes than its copy; generation=${owner.generation}`, { retry: 'later' })
    }
    if (opened.access === 'random') return undefined
    if (noDownload === true) throw new MountError('MOUNT_NOT_LOCAL', 'it would have to be copied first')
    const copy = (): Promise<() => void> => this.#download(mount.url, opened, announced, base, owner, signal)
    return { kind: 'copy', identity, unpin: await (inTurn === undefined ? copy() : inTurn(copy, signal)) }
  }

  /** Gives the pin of the copy that was made. */
  async #download (url: string, from: SequentialBytes, announced: number | undefined, base: string, owner: CopyOwner, signal: AbortSignal): Promise<() => void> {
    const { directory, reserveBytes, quotaBytes, checker } = this.#settings
    const digits = keyDigits(owner.key)
    await this.#table.load()
    const entry = this.#table.entry(base, digits)
    const unpin = this.unpinning(entry)
    const onWait = (): void => { this.#flights.wait(base) }
    let reservation: Reservation | undefined
    try {
      await this.#table.refresh(entry)
      const start = await resumePoint({ directory, base, from, owner, signal })
      // what is of no use takes no room
      if (start === 0 && entry.files.has('partial')) {
        await directory.remove(nameWith(base, 'partial'))
        this.#table.set(entry, 'partial', undefined)
      }
      const begun = entry.files.get('partial') ?? 0
      const remembered = this.#table.sizeOf(digits)
      const whole = announced === undefined ? remembered && Math.min(remembered, quotaBytes) : announced + encodeTrailer(from.identity, owner).byteLength
      const need = Math.max(start, whole ?? start + reserveBytes)
      // what was begun is the reservation's from here on
      this.#table.set(entry, 'partial', undefined)
      reservation = await this.#waitingFor(base, this.#space.reserve(Math.max(need, begun), begun, { signal, onWait }))
      const held = reservation
      await this.#checkDisk(need - start, signal)
      await copyWhole({
        directory, base, owner, from, announced, signal,
        check: () => checkFor(checker, [contentOf(from.identity), pieceNamed(owner.key), pieceNamedBy(url)]),
        room: async (bytes, call) => {
          if (bytes <= held.bytes) return
          await this.#waitingFor(base, held.grow(Math.max(bytes, Math.min(held.bytes + reserveBytes, quotaBytes)), { signal: call, onWait }))
          await this.#checkDisk(held.bytes - held.writtenBytes, call)
        },
        written: (bytes) => { held.written(bytes) },
        onProgress: (progress) => { this.#flights.progress(base, progress) },
      }, start)
      return unpin
    } catch (error) {
      unpin()
      throw error
    } finally {
      const after = this.#table.entry(base, digits)
      await this.#table.refresh(after, () => { reservation?.release() }).catch(() => {}) // what cannot be looked at is looked at by whoever comes next
      reservation?.release()
      const copied = after.files.get('transient')
      if (copied !== undefined) {
        this.#table.remember(digits, copied)
        this.#table.touch(after)
        await this.#table.save(false)
      }
    }
  }

  async #waitingFor<T> (base: string, room: Promise<T>): Promise<T> {
    this.#waiting.add(base)
    try {
      return await room
    } finally {
      this.#waiting.delete(base)
    }
  }

  /** @param need - reserved already. @throws {IoError} `IO_FULL`: the disk has no room, even after copies were given up */
  async #checkDisk (need: number, signal: AbortSignal): Promise<void> {
    const { directory } = this.#settings
    for (let tries = 0; ; tries++) {
      const free = await directory.freeBytes().catch(() => undefined) // only a forecast: what does not fit, the writes tell
      signal.throwIfAborted()
      if (free === undefined) return
      // others were promised room on the same disk; what is needed here is among it
      const short = this.#space.reservedBytes - free
      if (short <= 0) return
      if (tries > 0 || await this.#evict(short) === 0) {
        throw new IoError('IO_FULL', `no room for a transient copy; in=${directory.label} need=${need} free=${free}`, { retry: 'later' })
      }
    }
  }

  async #pinned (base: string, signal: AbortSignal): Promise<Pinned | undefined> {
    await this.#table.load()
    const entry = this.#table.entries.get(base)
    if (entry === undefined || entry.going) return undefined
    const unpin = this.unpinning(entry)
    try {
      const copy = await openCopy(entry, this.#settings, signal)
      if (copy !== undefined) return { copy, unpin }
    } catch (error) {
      unpin()
      throw error
    }
    unpin()
    return undefined
  }

  /** A copy that stays pinned; where it cannot be closed it does not. */
  async #close ({ copy, unpin }: Pinned): Promise<void> {
    try {
      await copy.source.close()
    } catch (error) {
      unpin()
      throw error
    }
  }

  /** Pin it; whoever waits for room looks again when it is let go. */
  unpinning (entry: TransientEntry): () => void {
    const unpin = this.#table.pin(entry)
    return () => {
      unpin()
      this.#space.wake()
    }
  }
}

/** It may come back as it was. */
const isAway = (error: unknown): boolean =>
  (error instanceof MountError && error.code === 'MOUNT_UNREACHABLE') || (error instanceof IoError && error.code === 'IO_SOURCE_LOST')
