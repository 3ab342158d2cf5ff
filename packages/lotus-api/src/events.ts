/** What happens in the store, as a stream of objects that say in `Type` what they are. */
import { type DagstoreFailure, dagstoreFailure, type DagstoreFinding, dagstoreFinding, type ShardState } from './shards.ts'
import { about, nullable, object, oneOf, oneOfKnown, optional, type Schema, tagged, text, whole } from './schema.ts'

/** Later versions have events of further types, and further steps and kinds of these: a reader passes over what it does not know. */
export type DagstoreStoreEvent =
  /** `null`: not registered, or being destroyed. */
  | { readonly Type: 'health', readonly Key: string, readonly From: ShardState | null, readonly To: ShardState | null, readonly Failure: DagstoreFailure | null }
  /** `fetch`: a source is copied. `index`: its bytes are scanned. */
  | { readonly Type: 'progress', readonly Key: string, readonly Step: 'fetch' | 'index', readonly DoneBytes: number, readonly TotalBytes: number | null }
  | { readonly Type: 'finding', readonly Key: string, readonly Finding: DagstoreFinding }
  /** Something is to be looked at: a record that could not be written, an index that is rebuilt, work that is left for later. */
  | { readonly Type: 'notice', readonly Key: string | null, readonly Kind: 'unsaved' | 'index-unusable' | 'postponed', readonly Error: string }
  /** The caller did not keep up and has missed so many. */
  | { readonly Type: 'dropped', readonly Count: number }

const type = <const T extends string>(name: T): Schema<T> => oneOf([name])

const states: Schema<ShardState | null> = nullable(oneOf([
  'ShardStateNew', 'ShardStateInitializing', 'ShardStateAvailable', 'ShardStateServing', 'ShardStateRecovering', 'ShardStateErrored', 'ShardStateUnknown',
]))

type Kind<T extends DagstoreStoreEvent['Type']> = Extract<DagstoreStoreEvent, { readonly Type: T }>

export const dagstoreStoreEvent: Schema<DagstoreStoreEvent> = tagged('DagstoreStoreEvent', 'Type', [
  object<Kind<'health'>>('DagstoreStoreEvent.health', {
    Type: type('health'), Key: text, From: about('`null`: not registered, or being destroyed', states), To: states, Failure: nullable(dagstoreFailure),
  }),
  object<Kind<'progress'>>('DagstoreStoreEvent.progress', {
    Type: type('progress'), Key: text, Step: oneOfKnown(['fetch', 'index']), DoneBytes: whole, TotalBytes: about('`null`: nobody knows', nullable(whole)),
  }),
  object<Kind<'finding'>>('DagstoreStoreEvent.finding', { Type: type('finding'), Key: text, Finding: dagstoreFinding }),
  object<Kind<'notice'>>('DagstoreStoreEvent.notice', {
    Type: type('notice'), Key: about('`null`: of no single shard', nullable(text)), Kind: oneOfKnown(['unsaved', 'index-unusable', 'postponed']), Error: text,
  }),
  object<Kind<'dropped'>>('DagstoreStoreEvent.dropped', { Type: type('dropped'), Count: about('events that this caller has missed', whole) }),
])

export interface DagstoreEventsQuery {
  /** Only of this shard. */
  readonly Key?: string | undefined
}

export const dagstoreEventsQuery: Schema<DagstoreEventsQuery> = object('DagstoreEventsQuery', { Key: about('only of this shard', optional(text)) }, { strict: true })
