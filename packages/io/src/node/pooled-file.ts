/** One file of a pool: its descriptor comes and goes, what is read through it stays the same file. */
import * as fs from 'node:fs'
import type { CallOptions } from '../calls.ts'
import type { ReadDone } from '../callback-source.ts'
import { IoError } from '../errors.ts'
import { withdrawable } from '../withdrawable.ts'
import { Descriptor, type FileFacts, NO_WAIT, openDescriptor } from './descriptor.ts'
import type { ReadableFile } from './file-source.ts'
import type { ReadQueue } from './read-queue.ts'
import type { SlotQueue } from './slot-queue.ts'

export interface PoolParts {
  readonly slots: SlotQueue<PooledFile>
  readonly reads: ReadQueue
  readonly forget: () => void
}

/** One file of a pool. While it has a descriptor it holds a slot, which others may take when nobody uses it. */
export class PooledFile implements ReadableFile {
  readonly label: string
  readonly #path: string
  readonly #pool: PoolParts
  #facts: FileFacts | undefined
  #descriptor: Descriptor | undefined
  #opening: Promise<Descriptor> | undefined
  /** Reads under way or waiting for the descriptor. */
  #users = 0
  /** Reads that let others have the descriptor first. */
  #behind = 0
  #turn: PromiseWithEnd | undefined
  #whenUnused: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor (path: string, label: string, pool: PoolParts) {
    this.#path = path
    this.label = label
    this.#pool = pool
  }

  /** Open it for the first time. @throws as `openDescriptor`; the signal's reason */
  async open ({ signal }: CallOptions): Promise<FileFacts> {
    signal?.throwIfAborted()
    this.#users++
    try {
      await withdrawable(this.#opened(), signal)
      this.check()
      return this.#facts!
    } finally {
      this.#unused()
    }
  }

  check (): void {
    if (this.#closing !== undefined) throw new IoError('IO_CLOSED', `file is closed; path=${this.label}`)
  }

  fetch (at: number, length: number, done: ReadDone, signal?: AbortSignal, into?: Uint8Array): void {
    this.check()
    // a file that is read without a pause would keep its slot for ever
    if (this.#descriptor !== undefined && this.#users > 0 && this.#pool.slots.isWanted) this.#fetchLater(at, length, done, signal, into)
    else this.#fetchNow(at, length, done, signal, into)
  }

  /** When all reads before it have ended, and the slot was given to whoever waits for one. */
  #fetchLater (at: number, length: number, done: ReadDone, signal: AbortSignal | undefined, into: Uint8Array | undefined): void {
    this.#behind++
    this.#turn ??= promiseWithEnd()
    withdrawable(this.#turn.promise, signal).then(() => {
      this.#behind--
      this.#fetchNow(at, length, done, signal, into)
    }, (error: unknown) => {
      this.#behind--
      if (this.#users === 0 && this.#behind === 0) this.#whenUnused?.()
      done(error, undefined)
    })
  }

  #fetchNow (at: number, length: number, done: ReadDone, signal: AbortSignal | undefined, into: Uint8Array | undefined): void {
    this.#users++
    const end = (error: unknown, bytes: Uint8Array | undefined): void => {
      this.#unused()
      done(error, bytes)
    }
    const descriptor = this.#descriptor
    if (descriptor !== undefined) {
      this.#pool.slots.use(this)
      return descriptor.fetch(at, length, end, signal, into)
    }
    withdrawable(this.#opened(), signal).then((opened) => { opened.fetch(at, length, end, signal, into) }).catch((error: unknown) => { end(this.#lost(error, signal), undefined) })
  }

  readSync (at: number, into: Uint8Array): number {
    if (this.#descriptor !== undefined) return this.#descriptor.readSync(at, into)
    const fd = fs.openSync(this.#path, fs.constants.O_RDONLY | NO_WAIT)
    try {
      this.#compare(fs.fstatSync(fd, { bigint: true }))
      return new Descriptor(fd, this.label, this.#pool.reads).readSync(at, into)
    } finally {
      fs.closeSync(fd)
    }
  }

  /** Give the descriptor up while nothing is read; the slot passes to whoever asked for that. */
  async yieldSlot (): Promise<void> {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    await descriptor?.close().catch(() => {}) // nothing was written to it
  }

  close (): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close (): Promise<void> {
    if (this.#users > 0 || this.#behind > 0) await new Promise<void>((resolve) => { this.#whenUnused = resolve })
    await this.#opening?.catch(() => {})
    this.#pool.forget()
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    this.#descriptor = undefined
    this.#pool.slots.use(this)
    try {
      await descriptor.close()
    } finally {
      this.#pool.slots.free()
    }
  }

  #opened (): Promise<Descriptor> {
    if (this.#descriptor !== undefined) return Promise.resolve(this.#descriptor)
    this.#opening ??= this.#openWithSlot().finally(() => {
      this.#opening = undefined
      // whoever waited for it may have withdrawn
      if (this.#users === 0 && this.#descriptor !== undefined) this.#pool.slots.idle(this)
    })
    return this.#opening
  }

  async #openWithSlot (): Promise<Descriptor> {
    await this.#pool.slots.take()
    try {
      const { file, stat } = await openDescriptor(this.#path, this.label, fs.constants.O_RDONLY, { reads: this.#pool.reads })
      try {
        this.#compare(stat)
      } catch (error) {
        await file.close()
        throw error
      }
      this.#descriptor = file
      return file
    } catch (error) {
      this.#pool.slots.free()
      throw error
    }
  }

  /** The facts of the first opening hold as long as the source. */
  #compare (found: FileFacts): void {
    const known = this.#facts ??= found
    if (found.size === known.size && found.mtimeNs === known.mtimeNs && found.ino === known.ino) return
    throw new IoError('IO_SOURCE_CHANGED', `another file has the name now; path=${this.label}`)
  }

  /** What a read is told when the file could not be opened again. */
  #lost (error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true || !(error instanceof IoError) || error.code === 'IO_SOURCE_CHANGED' || error.code === 'IO_CLOSED') return error
    // the system let us look, and something else than a file was there
    return new IoError(error.cause === undefined ? 'IO_SOURCE_CHANGED' : 'IO_SOURCE_LOST', error.message, { cause: error, retry: error.retry })
  }

  #unused (): void {
    if (--this.#users > 0) return
    const isClosing = this.#whenUnused !== undefined && this.#behind === 0
    if (isClosing) this.#whenUnused?.()
    else if (this.#descriptor !== undefined) this.#pool.slots.idle(this)
    this.#turn?.end()
    this.#turn = undefined
  }
}

interface PromiseWithEnd { readonly promise: Promise<void>, readonly end: () => void }

const promiseWithEnd = (): PromiseWithEnd => {
  let end = (): void => {}
  const promise = new Promise<void>((resolve) => { end = resolve })
  return { promise, end }
}
