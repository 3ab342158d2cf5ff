/** A row of the table of methods, and how one is written. */
import type { LotusApi, LotusMethodName } from './api.ts'
import type { LotusMethod, LotusParams, LotusResult } from './method.ts'
import type { Permission } from './permissions.ts'
import type { Schema } from './schema.ts'

/** Those that may be left out have a schema that takes `undefined` besides. */
type Params<P extends readonly unknown[]> = { readonly [K in keyof P]: readonly [name: string, schema: Schema<P[K] | undefined>] }

/** The schemas are those of the types of the member of that name; `stream` says whether that is an iteration. */
export interface Row<M extends LotusMethodName> extends Omit<LotusMethod, 'name' | 'params' | 'required'> {
  readonly params: Params<LotusParams<M>>
  readonly result: Schema<LotusResult<M>>
  readonly stream: ReturnType<LotusApi[M]> extends AsyncIterable<unknown> ? true : false
}

export type Rows<M extends LotusMethodName = LotusMethodName> = { readonly [K in M]: Row<K> }

type Make<Stream extends boolean> = <P extends readonly unknown[], R>(permission: Permission, params: Params<P>, result: Schema<R>, summary: string) => {
  readonly permission: Permission, readonly params: Params<P>, readonly result: Schema<R>, readonly stream: Stream, readonly summary: string, readonly ours: boolean
}

export const its: Make<false> = (permission, params, result, summary) => ({ permission, params, result, stream: false, summary, ours: false })
export const itsStream: Make<true> = (permission, params, result, summary) => ({ permission, params, result, stream: true, summary, ours: false })
export const our: Make<false> = (permission, params, result, summary) => ({ permission, params, result, stream: false, summary, ours: true })
export const ourStream: Make<true> = (permission, params, result, summary) => ({ permission, params, result, stream: true, summary, ours: true })
