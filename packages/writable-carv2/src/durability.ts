/** The syncs of one file: when they are asked for, and now and then beside its writes. */
import type { WritableFile } from '@dagstore/io'
import { WritableCarError } from './errors.ts'

/** So many bytes are worth a sync while more are put, so that that of a checkpoint has little left to do. */
const SETTLE_BYTES = 8 << 20

/** After a sync that failed nobody knows what is on disk: every later one rejects, and the file must be opened again. */
export class Durability {
  readonly #file: Pick<WritableFile, 'sync'>
  #failure: WritableCarError | undefined
  #unsettled = 0
  /** Never rejects. */
  #settling: Promise<void> | undefined

  constructor (file: Pick<WritableFile, 'sync'>) {
    this.#file = file
  }

  get failed (): boolean { return this.#failure !== undefined }

  /** @throws {WritableCarError} `WRITABLE_CAR_FAILED` */
  check (): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** The first one is kept. */
  fail (what: string, cause: unknown): WritableCarError {
    return this.#failure ??= new WritableCarError('WRITABLE_CAR_FAILED', what, { cause })
  }

  /** The file has taken some bytes. */
  written (bytes: number): void {
    this.#unsettled += bytes
    if (this.#unsettled < SETTLE_BYTES || this.#settling !== undefined || this.failed) return
    this.#unsettled = 0
    this.#settling = this.sync().catch(() => {}).then(() => { this.#settling = undefined })
  }

  /** @throws {WritableCarError} `WRITABLE_CAR_FAILED` */
  async sync (): Promise<void> {
    // an error of the disk is told once, perhaps to the one before
    await this.#settling
    this.check()
    try {
      await this.#file.sync()
    } catch (cause) {
      throw this.fail('sync failed, what is on disk is unknown', cause)
    }
  }

  /** Resolves when none is under way that nobody waits for. */
  async idle (): Promise<void> {
    await this.#settling
  }
}
