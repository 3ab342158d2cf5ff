/**
 * The entries of one folder, looked at in turn; while files are read in their turn, the small ones that come next are read at the
 * same time, since opening and closing a small file takes longer than its bytes do.
 */
import * as fs from 'node:fs'
import { NO_WAIT } from './descriptor.ts'

/** Longer files are worth a reader of their own. */
const SMALL_BYTES = 1 << 16
/** Entries looked at before their turn. */
const MAX_AHEAD = 32
/** Of them under way at a time, each with a descriptor at most; a few more than there are threads. */
const MAX_UNDER_WAY = 8
/** Beyond it none is begun; so what is held is at most this and what is under way. */
const MAX_BYTES = 1 << 20

/** Called once. */
type Done<T> = (error: unknown, found: T | undefined) => void

/** An entry that is looked at. */
interface Look {
  isDone: boolean
  facts: fs.Stats | undefined
  /** Of lstat(2). */
  error: unknown
  /** Of a small file that did not change while it was read. */
  bytes: Uint8Array | undefined
  /** Counted as held. */
  heldBytes: number
  whenDone: (() => void) | undefined
}

/** An entry in its turn. */
export interface Turn {
  readonly facts: fs.Stats
  /**
   * All bytes of a small file, in memory of the caller, while it is this entry's turn. `undefined`: it is not, or the file is longer,
   * changed or cannot be read, which whoever reads it in another way will find.
   */
  bytes(): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** It was read to its end in another way. */
  wasRead(): void
}

export class ReadAhead {
  readonly #pathOf: (at: number) => string
  readonly #count: number
  /** By the place of the entry; only those from the present one on. */
  readonly #looks: Map<number, Look> = new Map()
  #turn = -1
  /** The next one to be looked at. */
  #next = 0
  /** The last one that takes long; nothing behind it is begun before it has passed, so that nothing becomes old. */
  #longAt = -1
  #underWay = 0
  #heldBytes = 0
  /** The file before was read in its turn. */
  #isReading = false
  #hasEnded = false
  #whenIdle: (() => void) | undefined

  /** @param pathOf - of each entry, by its place */
  constructor (pathOf: (at: number) => string, count: number) {
    this.#pathOf = pathOf
    this.#count = count
  }

  /** It is the turn of the next entry, and not any more that of the one before. Rejects with the error of lstat(2). */
  reach (): Turn | Promise<Turn> {
    this.#pass()
    const at = ++this.#turn
    if (this.#next === at) this.#begin(this.#isReading)
    const look = this.#looks.get(at)!
    this.#goOn()
    if (look.isDone && look.facts !== undefined) return this.#turnOf(at, look, look.facts)
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        if (look.facts === undefined) reject(look.error)
        else resolve(this.#turnOf(at, look, look.facts))
      }
      if (look.isDone) settle()
      else look.whenDone = settle
    })
  }

  /** No more is begun. Resolves when every descriptor is closed. */
  async end (): Promise<void> {
    this.#hasEnded = true
    this.#looks.clear()
    if (this.#underWay > 0) await new Promise<void>((resolve) => { this.#whenIdle = resolve })
  }

  #turnOf (at: number, look: Look, facts: fs.Stats): Turn {
    if (isLong(facts)) this.#forgetNext()
    return { facts, bytes: () => this.#bytesOf(at, look, facts), wasRead: () => { if (at === this.#turn) this.#isReading = true } }
  }

  #bytesOf (at: number, look: Look, facts: fs.Stats): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const { bytes } = look
    if (at !== this.#turn || this.#hasEnded || !isSmall(facts)) return undefined
    this.#isReading = true
    if (bytes !== undefined) {
      this.#release(look)
      return bytes
    }
    this.#underWay++
    return new Promise((resolve) => {
      readSmall(this.#pathOf(at), facts, () => this.#hasEnded, (_error, bytes) => {
        this.#leave()
        resolve(bytes)
      })
    })
  }

  /** The present entry is behind. If it was read for nothing, the next ones will not be. */
  #pass (): void {
    const look = this.#looks.get(this.#turn)
    if (look === undefined) return
    if (look.bytes !== undefined) this.#isReading = false
    this.#release(look)
    this.#looks.delete(this.#turn)
  }

  /** Those behind the present one are looked at again when it has passed. */
  #forgetNext (): void {
    for (let at = this.#turn + 1; at < this.#next; at++) {
      this.#release(this.#looks.get(at)!)
      this.#looks.delete(at)
    }
    this.#next = this.#turn + 1
  }

  #release (look: Look): void {
    this.#heldBytes -= look.heldBytes
    look.heldBytes = 0
    look.bytes = undefined
  }

  #goOn (): void {
    while (this.#isReading && !this.#hasEnded && this.#next < this.#count && this.#longAt < this.#turn && this.#hasRoom) this.#begin(true)
  }

  get #hasRoom (): boolean {
    return this.#next <= this.#turn + MAX_AHEAD && this.#underWay < MAX_UNDER_WAY && this.#heldBytes < MAX_BYTES
  }

  #begin (withBytes: boolean): void {
    const at = this.#next++
    const path = this.#pathOf(at)
    const look: Look = { isDone: false, facts: undefined, error: undefined, bytes: undefined, heldBytes: 0, whenDone: undefined }
    this.#looks.set(at, look)
    this.#underWay++
    const finish = (): void => {
      look.isDone = true
      this.#leave()
      look.whenDone?.()
      this.#goOn()
    }
    const isOver = (): boolean => this.#looks.get(at) !== look
    fs.lstat(path, (error, facts) => {
      look.error = error
      if (error !== null) return finish()
      look.facts = facts
      if (isOver()) return finish()
      if (isLong(facts) && at > this.#longAt) this.#longAt = at
      if (!withBytes || !isSmall(facts) || (at > this.#longAt && this.#longAt >= this.#turn)) return finish()
      look.heldBytes = facts.size
      this.#heldBytes += facts.size
      readSmall(path, facts, isOver, (_error, bytes) => {
        if (bytes === undefined || isOver()) this.#release(look)
        else look.bytes = bytes
        finish()
      })
    })
  }

  #leave (): void {
    this.#underWay--
    if (this.#underWay === 0) this.#whenIdle?.()
  }
}

/** What takes so long that facts about the entries behind it would be old. */
const isLong = (facts: fs.Stats): boolean => facts.isDirectory() || facts.size > MAX_BYTES
const isSmall = (facts: fs.Stats): boolean => facts.isFile() && facts.size <= SMALL_BYTES

/** All bytes of the file that `before` is about, if it stays the same until they are read; closed when `done` is called. */
const readSmall = (path: string, before: fs.Stats, isGivenUp: () => boolean, done: Done<Uint8Array>): void => {
  if (isGivenUp()) return done(undefined, undefined)
  fs.open(path, fs.constants.O_RDONLY | NO_WAIT, (error, fd) => {
    if (error !== null) return done(error, undefined)
    const end = (error: unknown, bytes?: Uint8Array): void => fs.close(fd, (failed) => { done(error ?? failed, failed === null ? bytes : undefined) })
    if (isGivenUp()) return end(undefined)
    const bytes = new Uint8Array(before.size)
    const check = (): void => fs.fstat(fd, (error, now) => {
      if (error === null && isSame(before, now)) end(undefined, bytes)
      else end(error)
    })
    // files of the kernel have no length, and bytes all the same
    if (bytes.byteLength === 0) return fs.read(fd, new Uint8Array(1), 0, 1, 0, (error, got) => { if (error === null && got === 0) check(); else end(error) })
    fs.read(fd, bytes, 0, bytes.byteLength, 0, (error, got) => {
      if (error === null && got === bytes.byteLength) check()
      else end(error)
    })
  })
}

/** Times to a quarter of a microsecond, which is finer than file systems have them. */
const isSame = (a: fs.Stats, b: fs.Stats): boolean =>
  b.isFile() && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.ino === b.ino && a.dev === b.dev
