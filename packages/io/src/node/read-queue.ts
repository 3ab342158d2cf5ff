/**
 * Reads of open files, at most so many under way; the files of a queue take turns.
 *
 * When reads are under way already, a further one waits until all that have ended are dealt with, and starts together with
 * those that came meanwhile. Threads of the system's pool then find work waiting instead of being woken for each read, which
 * costs more than a read of some kilobytes; and reads of one file that follow each other closely become one.
 */
import * as fs from 'node:fs'
import type { ReadDone } from '../callback-source.ts'

/** The most that one call of the system moves, with room to spare. */
export const CALL_BYTES: number = 1 << 30
/** Reads under way that have a thread of their own in Node's pool; below that there is nobody to wait for. */
const THREADS = Math.max(1, Math.min(Number(process.env['UV_THREADPOOL_SIZE']) || 4, 1024))
/** Above this length clearing new memory costs more than asking for it otherwise. */
const CLEARED_BYTES = 1 << 14
/** Reads of one file are joined up to this length; a longer one moves so much that its call does not matter. */
const JOINED_BYTES = 1 << 17
const JOINED_GAP_BYTES = 1 << 10

/** A read that waits or is under way. */
export interface FileRead {
  readonly lane: ReadLane
  readonly at: number
  readonly length: number
  /** What it gives may be shorter at the end of the file; errors are the system's. */
  readonly done: ReadDone
  /** Of that length; `undefined`: memory of its own. */
  readonly into: Uint8Array | undefined
  state: 'waiting' | 'begun' | 'withdrawn'
  /** Not to be joined with others. */
  isAlone: boolean
  next: FileRead | undefined
}

/** An open file; of its reads those that wait, in the order they came. */
export interface ReadLane {
  readonly fd: number
  /** A read has ended; called before its `done`. */
  readonly ended: () => void
  first: FileRead | undefined
  last: FileRead | undefined
  next: ReadLane | undefined
}

export class ReadQueue {
  readonly maxReads: number
  #underWay = 0
  /** Lanes with waiting reads; the first gives one, or some that belong together, and goes to the end. */
  #first: ReadLane | undefined
  #last: ReadLane | undefined
  #due = false

  constructor (maxReads: number) {
    this.maxReads = maxReads
  }

  /** @param length - at least 1 */
  add (lane: ReadLane, at: number, length: number, done: ReadDone, into?: Uint8Array): FileRead {
    const read: FileRead = { lane, at, length, done, into, state: 'waiting', isAlone: false, next: undefined }
    if (this.#first === undefined && this.#underWay < THREADS && this.#underWay < this.maxReads) {
      this.#start(read)
      return read
    }
    if (lane.first === undefined) {
      lane.first = read
      this.#append(lane)
    } else {
      lane.last!.next = read
    }
    lane.last = read
    if (this.#underWay < this.maxReads) this.#schedule()
    return read
  }

  /** Give up a read that still waits: it is never begun, and its `done` not called. False: too late. */
  withdraw (read: FileRead): boolean {
    if (read.state !== 'waiting') return false
    read.state = 'withdrawn'
    return true
  }

  #append (lane: ReadLane): void {
    if (this.#last === undefined) this.#first = lane
    else this.#last.next = lane
    this.#last = lane
  }

  #schedule (): void {
    if (this.#due) return
    this.#due = true
    setImmediate(this.#startWaiting)
  }

  readonly #startWaiting = (): void => {
    this.#due = false
    for (let lane = this.#first; lane !== undefined && this.#underWay < this.maxReads; lane = this.#first) {
      this.#first = lane.next
      if (this.#first === undefined) this.#last = undefined
      lane.next = undefined
      const read = takeFirst(lane)
      const joined = read === undefined ? undefined : takeFollowing(lane, read)
      if (lane.first !== undefined) this.#append(lane)
      if (joined !== undefined) this.#startJoined(joined)
      else if (read !== undefined) this.#start(read)
    }
  }

  #start (read: FileRead): void {
    const { lane, at, length } = read
    read.state = 'begun'
    this.#underWay++
    let bytes: Uint8Array
    try {
      bytes = read.into ?? allocate(length)
    } catch (error) {
      queueMicrotask(() => { this.#end(read, error, undefined) })
      return
    }
    fs.read(lane.fd, bytes, 0, Math.min(length, CALL_BYTES), at, (error, got) => {
      if (error !== null) this.#end(read, error, undefined)
      else if (got === length) this.#end(read, undefined, bytes)
      else readRest(lane.fd, bytes, got, at, (error, bytes) => { this.#end(read, error, bytes) })
    })
  }

  #end (read: FileRead, error: unknown, bytes: Uint8Array | undefined): void {
    this.#underWay--
    if (this.#first !== undefined) this.#schedule()
    read.lane.ended()
    read.done(error, bytes)
  }

  /** Several reads by one call; when that fails each is made alone, so that none fails for another. */
  #startJoined (reads: readonly FileRead[]): void {
    const { lane, at } = reads[0]!
    const last = reads.at(-1)!
    const done = (_error: unknown, bytes: Uint8Array | undefined): void => {
      if (bytes === undefined) return this.#addAlone(lane, reads)
      for (const read of reads) {
        lane.ended()
        read.done(undefined, partFor(read, bytes.subarray(read.at - at, read.at - at + read.length)))
      }
    }
    for (const read of reads) read.state = 'begun'
    this.#start({ lane: { ...lane, ended: () => {} }, at, length: last.at + last.length - at, done, into: undefined, state: 'begun', isAlone: true, next: undefined })
  }

  /** They wait again, before others of their file. */
  #addAlone (lane: ReadLane, reads: readonly FileRead[]): void {
    if (lane.first === undefined) {
      lane.last = reads.at(-1)
      this.#append(lane)
    }
    for (const read of reads.toReversed()) {
      read.state = 'waiting'
      read.isAlone = true
      read.next = lane.first
      lane.first = read
    }
    this.#schedule()
  }
}

/** The next read that is still wanted. */
const takeFirst = (lane: ReadLane): FileRead | undefined => {
  let read = lane.first
  while (read !== undefined && read.state === 'withdrawn') read = read.next
  lane.first = read?.next
  return read
}

/** `read` and the reads behind it in the lane that go on where it ends, taken out of the lane; `undefined`: it stands alone. */
const takeFollowing = (lane: ReadLane, read: FileRead): FileRead[] | undefined => {
  let joined: FileRead[] | undefined
  let end = read.at + read.length
  for (let next = read.isAlone ? undefined : lane.first; next !== undefined && next.state === 'waiting' && !next.isAlone; next = lane.first) {
    const gap = next.at - end
    if (gap < 0 || gap > JOINED_GAP_BYTES || next.at + next.length - read.at > JOINED_BYTES) break
    joined ??= [read]
    joined.push(next)
    end = next.at + next.length
    lane.first = next.next
  }
  return joined
}

/** A copy in the memory that the read is for. */
const partFor = ({ into }: FileRead, part: Uint8Array): Uint8Array => {
  if (into === undefined) return part.slice()
  into.set(part)
  return into.subarray(0, part.byteLength)
}

/** What follows the first `have` bytes, or as much of it as there is: `done` then has a shorter copy. */
const readRest = (fd: number, bytes: Uint8Array, have: number, at: number, done: ReadDone): void => {
  const step = (error: Error | null, got: number): void => {
    if (error !== null) return done(error, undefined)
    have += got
    if (have === bytes.byteLength) return done(undefined, bytes)
    if (got === 0) return done(undefined, bytes.slice(0, have))
    fs.read(fd, bytes, have, Math.min(bytes.byteLength - have, CALL_BYTES), at + have, step)
  }
  if (have === 0) done(undefined, bytes.slice(0, 0))
  else fs.read(fd, bytes, have, Math.min(bytes.byteLength - have, CALL_BYTES), at + have, step)
}

/** Memory of its own; every byte is overwritten before anybody sees it. */
const allocate = (length: number): Uint8Array =>
  length <= CLEARED_BYTES ? new Uint8Array(length) : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
