/** An open file of the operating system: calls under way are counted, and it is closed once, after the last of them. */
import * as fs from 'node:fs'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { ReadDone } from '../callback-source.ts'
import { IoError } from '../errors.ts'
import { onAbort } from '../on-abort.ts'
import { classifyNodeError, kindOf, type Kinds } from './errors.ts'
import { CALL_BYTES, type FileRead, type ReadLane, ReadQueue } from './read-queue.ts'

/** Opening a fifo must not wait for its other end; absent on Windows. */
export const NO_WAIT: number = fs.constants.O_NONBLOCK ?? 0
/** All files that are opened by themselves share it. */
const commonReads = new ReadQueue(64)

const open = promisify(fs.open)
const close = promisify(fs.close)
const statOf = (fd: number): Promise<FileFacts> => new Promise((resolve, reject) => {
  fs.fstat(fd, { bigint: true }, (error, found) => error === null ? resolve(found) : reject(error))
})

/** A callback that ends a promise. */
export const settling = (resolve: (bytes: Uint8Array) => void, reject: (error: unknown) => void): ReadDone => (error, bytes) => {
  if (bytes === undefined) reject(error)
  else resolve(bytes)
}

/** Of what the system tells about a file, what is needed here. */
export interface FileFacts extends Kinds {
  /** Bytes. */
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ino: bigint
}

export class Descriptor {
  /** The path, as the user named it; for messages. */
  readonly label: string
  readonly #fd: number
  readonly #reads: ReadQueue
  readonly #lane: ReadLane
  #underWay = 0
  #whenIdle: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor (fd: number, label: string, reads: ReadQueue = commonReads) {
    this.#fd = fd
    this.label = label
    this.#reads = reads
    this.#lane = { fd, ended: () => { this.#leave() }, first: undefined, last: undefined, next: undefined }
  }

  /**
   * Exactly `length` bytes, at least 1, or fewer at the end of the file, in memory of their own or in `into`, which is of
   * that length and not written to any more when `done` is called. `done` is given the system's error, or the reason of the
   * signal. @throws {IoError} `IO_CLOSED`
   */
  fetch (at: number, length: number, done: ReadDone, signal?: AbortSignal, into?: Uint8Array): void {
    this.#enter()
    if (signal === undefined) this.#reads.add(this.#lane, at, length, done, into)
    else this.#fetchUntil(signal, at, length, done, into)
  }

  #fetchUntil (signal: AbortSignal, at: number, length: number, done: ReadDone, into: Uint8Array | undefined): void {
    let finish: ReadDone = (error, bytes) => {
      unwatch()
      done(error, bytes)
    }
    const unwatch = onAbort(signal, () => {
      const neverBegins = this.#reads.withdraw(read)
      if (neverBegins) this.#leave()
      // the system writes to memory that was given until it has ended
      else if (into !== undefined) return void (finish = () => { done(signal.reason, undefined) })
      finish = () => {}
      done(signal.reason, undefined)
    })
    const read: FileRead = this.#reads.add(this.#lane, at, length, (error, bytes) => { finish(error, bytes) }, into)
  }

  /** As {@link fetch}. */
  read (at: number, length: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => { this.fetch(at, length, settling(resolve, reject)) })
  }

  /** As {@link read}, into memory given, blocking the thread. */
  readSync (at: number, into: Uint8Array): number {
    const fd = this.#enter()
    try {
      const { byteLength } = into
      let done = 0
      for (let got = -1; done < byteLength && got !== 0; done += got) got = fs.readSync(fd, into, done, Math.min(byteLength - done, CALL_BYTES), at + done)
      return done
    } finally {
      this.#leave()
    }
  }

  /** All of `bytes`. Rejects with the system's error; how much was written is then unknown. */
  write (at: number, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const fd = this.#enter()
      let done = 0
      const next = (): void => fs.write(fd, bytes, done, Math.min(bytes.byteLength - done, CALL_BYTES), at + done, (error, put) => {
        if (error === null) {
          done += put
          if (done < bytes.byteLength) return next()
        }
        this.#leave()
        if (error === null) resolve()
        else reject(error)
      })
      next()
    })
  }

  /** Any other call on the open file. */
  async use<T> (call: (fd: number) => Promise<T>): Promise<T> {
    const fd = this.#enter()
    try {
      return await call(fd)
    } finally {
      this.#leave()
    }
  }

  stat (): Promise<FileFacts> {
    return this.use(statOf)
  }

  /** @throws {IoError} `IO_CLOSED` */
  check (): void {
    if (this.#closing !== undefined) throw new IoError('IO_CLOSED', `file is closed; path=${this.label}`)
  }

  /** Idempotent; waits for the calls under way. @throws {IoError} `IO_FAILED` */
  close (): Promise<void> {
    this.#closing ??= this.#closeWhenIdle()
    return this.#closing
  }

  async #closeWhenIdle (): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => { this.#whenIdle = resolve })
    try {
      await close(this.#fd)
    } catch (error) {
      throw classifyNodeError(error, `close failed; path=${this.label}`)
    }
  }

  #enter (): number {
    this.check()
    this.#underWay++
    return this.#fd
  }

  #leave (): void {
    this.#underWay--
    if (this.#underWay === 0) this.#whenIdle?.()
  }
}

/**
 * Open a regular file; `flags` as in open(2), to which "do not wait" is added.
 *
 * @param options.isOurs - it lies in a folder where nobody puts devices, so it is not looked at before it is opened
 * @throws {IoError} as `classifyNodeError`; `IO_FAILED` for a folder, fifo, socket or device
 */
export const openDescriptor = async (path: string, label: string, flags: number, options: { readonly createMode?: number, readonly reads?: ReadQueue, readonly isOurs?: boolean } = {}): Promise<{ readonly file: Descriptor, readonly stat: FileFacts }> => {
  const refuse = (kind: string): IoError => new IoError('IO_FAILED', `not a regular file; path=${label} kind=${kind}`)
  let fd: number
  try {
    // looked at first: opening some devices does something to them, and a socket's own error says nothing
    if ((flags & fs.constants.O_EXCL) === 0 && options.isOurs !== true) {
      const kind = kindOf(await stat(path))
      if (kind !== 'file') throw refuse(kind)
    }
    fd = await open(path, flags | NO_WAIT, options.createMode)
  } catch (error) {
    throw classifyNodeError(error, `open failed; path=${label}`)
  }
  try {
    const found = await statOf(fd)
    if (!found.isFile()) throw refuse(kindOf(found))
    if (found.size > BigInt(Number.MAX_SAFE_INTEGER)) throw new IoError('IO_FAILED', `file is too long; path=${label} bytes=${found.size}`)
    return { file: new Descriptor(fd, label, options.reads), stat: found }
  } catch (error) {
    await close(fd)
    throw classifyNodeError(error, `open failed; path=${label}`)
  }
}
