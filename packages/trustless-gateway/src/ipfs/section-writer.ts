/**
 * Sections as chunks to be sent. Those that stand in memory already, as they were read, are views of it, one behind the other in one
 * chunk; the others are copied together with their heads.
 */
import { joinBytes } from '@dagstore/io'
import type { DagBlock } from '@dagstore/dag'
import { sectionHead, sectionStart } from './car-bytes.ts'

/** What is copied together ends at this length. */
const JOINED_BYTES = 1 << 16
/** From here on a part costs less by itself than its copy. */
const LARGE_BYTES = 1 << 14
/** A view is no longer than this, but for a section that is: what waits for the network stays in memory. */
const VIEW_BYTES = 1 << 18

/** Sections that lie behind each other in one buffer. */
interface Run { readonly buffer: ArrayBufferLike, readonly start: number, end: number }

export class SectionWriter {
  /** To be sent as they are. */
  readonly #chunks: Uint8Array[] = []
  /** To be joined. */
  #parts: Uint8Array[] = []
  #partBytes = 0
  #run: Run | undefined

  get hasChunk (): boolean { return this.#chunks.length > 0 }

  /** Of what is in no chunk yet. */
  get openBytes (): number { return this.#partBytes + (this.#run === undefined ? 0 : this.#run.end - this.#run.start) }

  shift (): Uint8Array | undefined { return this.#chunks.shift() }

  clear (): void {
    this.#chunks.length = 0
    this.#parts = []
    this.#partBytes = 0
    this.#run = undefined
  }

  addSection ({ cid, bytes }: DagBlock): void {
    const start = sectionStart(cid, bytes)
    if (start === undefined) {
      this.#endRun()
      this.add(sectionHead(cid, bytes.byteLength))
      this.add(bytes)
      return
    }
    const { buffer } = bytes
    const end = bytes.byteOffset + bytes.byteLength
    const run = this.#run
    if (run !== undefined && run.buffer === buffer && run.end === start && end - run.start <= VIEW_BYTES) {
      run.end = end
      return
    }
    this.#endRun()
    this.#run = { buffer, start, end }
  }

  /** Bytes as they are. */
  add (part: Uint8Array): void {
    if (part.byteLength >= LARGE_BYTES) {
      this.#join()
      this.#chunks.push(part)
      return
    }
    if (this.#partBytes + part.byteLength > JOINED_BYTES) this.#join()
    // a few bytes that wait do not keep all that was read with them; not `slice`: of a Buffer that would be a view
    this.#parts.push(part.buffer.byteLength > LARGE_BYTES ? new Uint8Array(part) : part)
    this.#partBytes += part.byteLength
  }

  /** Makes chunks of all there is. */
  flush (): void {
    this.#endRun()
    this.#join()
  }

  #endRun (): void {
    const run = this.#run
    if (run === undefined) return
    this.#run = undefined
    this.add(new Uint8Array(run.buffer, run.start, run.end - run.start))
  }

  #join (): void {
    const parts = this.#parts
    if (parts.length === 0) return
    this.#chunks.push(joinBytes(parts, this.#partBytes))
    this.#parts = []
    this.#partBytes = 0
  }
}
