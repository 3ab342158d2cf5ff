/** Values of a stream between the socket, which cannot be held up, and who takes them. */
import { RpcError } from './errors.ts'

export class ValueQueue {
  readonly #values: unknown[] = []
  readonly #most: number
  readonly #method: string
  #ended: { readonly error: unknown } | undefined
  #wake: () => void = () => {}

  constructor (most: number, method: string) {
    this.#most = most
    this.#method = method
  }

  push (value: unknown): void {
    if (this.#ended !== undefined) return
    if (this.#values.length >= this.#most) this.end(new RpcError('RPC_TOO_MUCH', `values of a stream were not taken; method=${this.#method} most=${this.#most}`))
    else this.#values.push(value)
    this.#wake()
  }

  /** What came before is still given out. @param error - `undefined`: it has ended as it should */
  end (error: unknown): void {
    this.#ended ??= { error }
    this.#wake()
  }

  /** Nothing that came before is given out. */
  drop (error: unknown): void {
    this.#values.length = 0
    this.end(error)
  }

  async * values (): AsyncGenerator<unknown, void, undefined> {
    for (;;) {
      if (this.#values.length > 0) {
        yield this.#values.shift()
      } else if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error
        return
      } else {
        await new Promise<void>((resolve) => { this.#wake = resolve })
      }
    }
  }
}
