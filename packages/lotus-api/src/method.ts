/** What is known of one method. */
import type { LotusApi, LotusMethodName } from './api.ts'
import type { LotusCallOptions } from './call-options.ts'
import type { Permission } from './permissions.ts'
import type { Schema } from './schema.ts'

/** Of the names on the wire: `Filecoin.X` is the member `X` of {@link LotusApi}. */
export const NAMESPACE = 'Filecoin'

export interface LotusParam<T = unknown> {
  readonly name: string
  /** Its `zero` is `undefined` where it may be left out. */
  readonly schema: Schema<T>
}

export interface LotusMethod {
  /** On the wire. */
  readonly name: `${typeof NAMESPACE}.${LotusMethodName}`
  readonly permission: Permission
  readonly params: readonly LotusParam[]
  /** So many of the first ones must be there. */
  readonly required: number
  /** Of a stream: of each value. */
  readonly result: Schema<unknown>
  /** Over WebSocket only. */
  readonly stream: boolean
  readonly summary: string
  /** Lotus has none of that name. */
  readonly ours: boolean
}

/** What a method takes on the wire: all but the options that come last. */
export type LotusParams<M extends LotusMethodName> = Required<Parameters<LotusApi[M]>> extends readonly [...infer P, LotusCallOptions] ? P : never

/** Of a stream: of each value. */
export type LotusResult<M extends LotusMethodName> =
  ReturnType<LotusApi[M]> extends AsyncIterable<infer T> ? T : ReturnType<LotusApi[M]> extends Promise<infer T> ? T : never
