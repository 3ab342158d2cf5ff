/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Threads that commit to parts of a payload side by side.
 *
 * A part is eight blocks, 512 KiB padded. Its bytes are moved to a worker and back, not copied; each worker has a module
 * instance and memory of its own. A worker holds the process open only while it has work.
 */
import { Worker } from 'node:worker_threads'
import { BLOCK_HEIGHT, BLOCK_UNPADDED, type Subtree } from './engine.ts'
import { PieceError } from './errors.ts'
import { pieceModule } from './node-engine.ts'
import { findNativeHasher } from './node-native.ts'
import { WORKER_SOURCE } from './node-worker-source.ts'

const PART_BLOCKS = 8
/** Payload bytes of one part; a power of two of blocks. */
export const PART_UNPADDED: number = PART_BLOCKS * BLOCK_UNPADDED
export const PART_HEIGHT: number = BLOCK_HEIGHT + Math.log2(PART_BLOCKS)
/** One part that a worker works on, and one that waits for it. */
const PARTS_PER_WORKER = 2
const MAX_THREADS = 256

export interface CommPWorkersOptions {
  /** 1 to 256. */
  readonly threads: number
  /**
   * Hash by `@chainsafe/hashtree`: `true` where this package or the working directory finds it, a string where its URL says.
   *
   * @default false
   */
  readonly native?: boolean | string | undefined
}

/** Shared by any number of commitments; see `commpOf`. */
export interface CommPWorkers extends AsyncDisposable {
  readonly threads: number
  /**
   * Commit to one part.
   *
   * @param part - exactly 520,192 bytes, the whole of their buffer, which is taken away and comes back in the result
   * @throws {PieceError} `PIECE_WORKER_FAILED`: the worker ended before it answered, or the workers were closed
   * @throws {RangeError} not such a part, or one that another call has taken away
   */
  commit(part: Uint8Array<ArrayBuffer>): Promise<{ readonly subtree: Subtree, readonly part: Uint8Array<ArrayBuffer> }>
  /** Ends the threads; what is under way rejects. Idempotent. */
  close(): Promise<void>
}

interface Answer {
  readonly id: number
  readonly root: Uint8Array
  readonly payload: Uint8Array<ArrayBuffer>
}

interface Job {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: PieceError) => void
}

interface Thread {
  readonly worker: Worker
  readonly jobs: Map<number, Job>
}

/**
 * Threads for `commpOf`; they start with their first work, some 50 ms each.
 *
 * @throws {RangeError} not a number of threads
 * @throws {PieceError} `PIECE_WORKER_FAILED`: no WebAssembly with 128-bit vectors here, or no native hasher where one was asked for
 */
export const openCommPWorkers = ({ threads, native = false }: CommPWorkersOptions): CommPWorkers => {
  checkThreads(threads)
  const module = pieceModule()
  if (module === undefined) throw new PieceError('PIECE_WORKER_FAILED', 'workers need WebAssembly with 128-bit vectors')
  const url = native === true ? findNativeHasher() : native === false ? undefined : native
  if (native !== false && url === undefined) throw new PieceError('PIECE_WORKER_FAILED', 'the native hasher is not installed')
  return new Workers(threads, { module, native: url })
}

/** @throws {RangeError} not 1 to 256 */
export const checkThreads = (threads: number): void => {
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) throw new RangeError(`number of threads; want=1..${MAX_THREADS} got=${threads}`)
}

class Workers implements CommPWorkers {
  readonly threads: number
  readonly #data: { readonly module: object, readonly native: string | undefined }
  readonly #running = new Set<Thread>()
  readonly #waiting: (() => void)[] = []
  #nextId = 0
  #closing: Promise<void> | undefined

  constructor (threads: number, data: { readonly module: object, readonly native: string | undefined }) {
    this.threads = threads
    this.#data = data
  }

  async commit (part: Uint8Array<ArrayBuffer>): ReturnType<CommPWorkers['commit']> {
    checkPart(part)
    let thread = this.#idlest()
    while (thread === undefined) {
      await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
      thread = this.#idlest()
    }
    try {
      // while it waited, another call may have taken it away; a worker would never answer
      checkPart(part)
      const { root, payload } = await this.#send(thread, part)
      return { subtree: { height: PART_HEIGHT, node: root }, part: payload }
    } catch (error) {
      // the room that this one was woken for is the next one's
      this.#wake()
      throw error
    }
  }

  close (): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  [Symbol.asyncDispose] (): Promise<void> {
    return this.close()
  }

  /** A thread with room, perhaps a new one. */
  #idlest (): Thread | undefined {
    if (this.#closing !== undefined) throw closed()
    let found: Thread | undefined
    for (const thread of this.#running) if (found === undefined || thread.jobs.size < found.jobs.size) found = thread
    if (found !== undefined && found.jobs.size === 0) return found
    if (this.#running.size < this.threads) return this.#start()
    return found !== undefined && found.jobs.size < PARTS_PER_WORKER ? found : undefined
  }

  #start (): Thread {
    const worker = new Worker(WORKER_SOURCE, { eval: true, execArgv: [], workerData: this.#data, name: 'commP' })
    const thread: Thread = { worker, jobs: new Map() }
    this.#running.add(thread)
    worker.unref()
    worker.on('message', (answer: Answer) => {
      const job = thread.jobs.get(answer.id)
      this.#drop(thread, answer.id)
      job?.resolve(answer)
    })
    let cause: unknown
    worker.on('error', (error: unknown) => { cause = error })
    worker.on('messageerror', (error: unknown) => { cause = error; void worker.terminate() })
    worker.on('exit', (code: number) => {
      this.#running.delete(thread)
      const error = this.#closing === undefined ? new PieceError('PIECE_WORKER_FAILED', `worker ended; code=${code}`, { cause }) : closed()
      for (const { reject } of thread.jobs.values()) reject(error)
      thread.jobs.clear()
      this.#wake()
    })
    return thread
  }

  #send (thread: Thread, payload: Uint8Array<ArrayBuffer>): Promise<Answer> {
    const id = this.#nextId++
    return new Promise<Answer>((resolve, reject) => {
      // throws for memory that cannot be moved
      thread.worker.postMessage({ id, payload }, [payload.buffer])
      thread.jobs.set(id, { resolve, reject })
      thread.worker.ref()
    })
  }

  #drop (thread: Thread, id: number): void {
    thread.jobs.delete(id)
    if (thread.jobs.size === 0) thread.worker.unref()
    this.#wake()
  }

  #wake (): void {
    this.#waiting.shift()?.()
  }

  async #end (): Promise<void> {
    const ended = [...this.#running].map(({ worker }) => worker.terminate())
    for (const resume of this.#waiting.splice(0)) resume()
    await Promise.all(ended)
  }
}

const checkPart = (part: Uint8Array<ArrayBuffer>): void => {
  if (part.byteLength !== PART_UNPADDED || part.buffer.byteLength !== PART_UNPADDED) throw new RangeError(`part; want=${PART_UNPADDED} got=${part.byteLength}`)
}

const closed = (): PieceError => new PieceError('PIECE_WORKER_FAILED', 'the workers are closed')
