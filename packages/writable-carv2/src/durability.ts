/** The syncs of one file: when they are asked for, and now and then beside its writes. */
import type { WritableFile } from '@dagstore/io'
import { WritableCarError } from './errors.ts'

/** So many bytes are worth a sync while more are put, so that that of a checkpoint has little left to do. */
const SETTLE_BYTES = 8 << 20
const SYNC_FAILED = 'sync failed, what is on disk is unknown'

/** After a sync that failed nobody knows what is on disk: every later one rejects, and the file must be opened again. */
export class Durability {
  readonly #file: Pick<WritableFile, 'sync'>
  #failure: WritableCarError | undefined
  /** Somebody has the failure. */
  #told = false
  #unsettled = 0
  /** Syncs under way that somebody waits for. */
  #asked = 0
  /** The one that nobody waits for; never rejects. */
  #settling: Promise<void> | undefined

  constructor (file: Pick<WritableFile, 'sync'>) {
    this.#file = file
  }

  get failed (): boolean { return this.#failure !== undefined }
  /** Failed, and known to nobody: a sync beside the puts was the last there was. */
  get failedUntold (): boolean { return this.failed && !this.#told }

  /** @throws {WritableCarError} `WRITABLE_CAR_FAILED` */
  check (): void {
    if (this.#failure === undefined) return
    this.#told = true
    throw this.#failure
  }

  /** To be thrown. The first one is kept. */
  fail (what: string, cause: unknown): WritableCarError {
    this.#told = true
    return this.#failure ??= new WritableCarError('WRITABLE_CAR_FAILED', what, { cause })
  }

  /** The file has taken some bytes. */
  written (bytes: number): void {
    this.#unsettled += bytes
    if (this.#unsettled < SETTLE_BYTES || this.#settling !== undefined || this.#asked > 0 || this.failed) return
    this.#unsettled = 0
    this.#settling = this.#settle()
  }

  async #settle (): Promise<void> {
    try {
      await this.#file.sync()
    } catch (cause) {
      this.#failure ??= new WritableCarError('WRITABLE_CAR_FAILED', SYNC_FAILED, { cause })
    } finally {
      this.#settling = undefined
    }
  }

  /** @throws {WritableCarError} `WRITABLE_CAR_FAILED` */
  async sync (): Promise<void> {
    // an error of the disk is told once: none may run beside this one and take it
    while (this.#settling !== undefined) await this.#settling
    this.check()
    this.#asked++
    try {
      await this.#file.sync()
    } catch (cause) {
      throw this.fail(SYNC_FAILED, cause)
    } finally {
      this.#asked--
    }
  }

  /** Resolves when none is under way that nobody waits for. */
  async idle (): Promise<void> {
    await this.#settling
  }
}
