/** Reads that take long, on places that were left for others: the first that answers counts. */
import { type ByteSource, IoError, onAbort, withdrawable } from '@dagstore/io'

/** Of one range. */
export class LateReads {
  /** Of reads over the network; on a disk there is nothing to end, and listening costs more than reading. */
  #ending: AbortController | undefined
  #unwatch: (() => void) | undefined
  #underWay = 0
  #isOver = false
  readonly #kept: Set<Promise<Uint8Array>> = new Set()
  #tell: (bytes: Uint8Array) => void = () => {}

  get isOver (): boolean { return this.#isOver }

  /** Ends with the others. */
  async read (source: ByteSource, at: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    if (source.cost.kind !== 'remote') return source.read(at, length, { signal })
    const ending = this.#ending ??= new AbortController()
    if (signal !== undefined) this.#unwatch ??= onAbort(signal, () => { ending.abort(signal.reason) })
    this.#underWay++
    try {
      return await withdrawable(source.read(at, length, { signal: ending.signal }), ending.signal)
    } finally {
      this.#underWay--
    }
  }

  keep (reading: Promise<Uint8Array>): void {
    this.#kept.add(reading)
    reading.then(this.#tell, () => {}).finally(() => { this.#kept.delete(reading) }) // it was told as late
  }

  /** What `work` gives, or one of these before. What fails has to wait for these. */
  orOne (work: Promise<Uint8Array>): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#tell = resolve
      work.then(resolve, async (error: unknown) => {
        while (this.#kept.size > 0) await Promise.race([...this.#kept].map((reading) => reading.catch(() => {})))
        reject(error)
      })
    })
  }

  end (): void {
    this.#isOver = true
    this.#unwatch?.()
    if (this.#underWay > 0) this.#ending?.abort(new IoError('IO_CLOSED', 'the read is over'))
  }
}
