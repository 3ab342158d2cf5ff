/** Shards as they go over the wire. */
import { type DagstoreEvent, type Failure, type Finding, type ShardDetails, type ShardInfo, toLotusState } from '@dagstore/dagstore'
import type {
  DagstoreFailure, DagstoreFinding, DagstoreShard, DagstoreShardDetails, DagstoreShardInfo, DagstoreStoreEvent, LotusCallOptions, ShardState,
} from '@dagstore/lotus-api'
import { errorText, recordedText } from './failures.ts'
import { maskedUrl } from './masked-url.ts'

/** As Lotus lists it. */
export const shardInfoOf = (info: ShardInfo): DagstoreShardInfo => ({
  Key: info.key,
  State: toLotusState(info),
  Error: info.error === undefined ? '' : recordedText(info.error),
})

export const failureOf = ({ code, message, at, retry, attempts, nextRetryAt }: Failure): DagstoreFailure =>
  ({ Code: code, Message: message, At: at, Retry: retry, Attempts: attempts, NextRetryAt: nextRetryAt ?? null })

/** Whether the caller may see what only an administrator should. */
export const isOpen = ({ permissions }: LotusCallOptions): boolean => permissions?.includes('admin') === true

/** @param open - the caller may see all of the URL */
export const shardOf = (info: ShardInfo, open: boolean): DagstoreShard => ({
  ...shardInfoOf(info),
  MountURL: open ? info.mountUrl : maskedUrl(info.mountUrl),
  Leases: info.leases,
  Destroying: info.destroying,
  DataGeneration: info.dataGeneration,
  IndexGeneration: info.indexGeneration,
  Failure: info.error === undefined ? null : failureOf(info.error),
})

export const findingOf = ({ check, code, message, at, repairedAt }: Finding): DagstoreFinding =>
  ({ Check: check, Code: code, Message: message, At: at, RepairedAt: repairedAt ?? null })

export const detailsOf = (details: ShardDetails, open: boolean): DagstoreShardDetails =>
  ({ ...shardOf(details, open), Findings: details.findings.map(findingOf) })

const stateOf = (health: ShardInfo['health'] | undefined): ShardState | null => (health === undefined ? null : toLotusState({ health, leases: 0 }))

/** `undefined`: of no use to anybody outside. */
export const eventOf = (event: DagstoreEvent): DagstoreStoreEvent | undefined => {
  switch (event.type) {
    case 'health': return { Type: 'health', Key: event.key, From: stateOf(event.from), To: stateOf(event.to), Failure: event.failure === undefined ? null : failureOf(event.failure) }
    case 'progress': return { Type: 'progress', Key: event.key, Step: event.step, DoneBytes: event.progress.doneBytes, TotalBytes: event.progress.totalBytes ?? null }
    case 'finding': return { Type: 'finding', Key: event.key, Finding: findingOf(event.finding) }
    case 'unsaved': return { Type: 'notice', Key: event.key, Kind: 'unsaved', Error: errorText(event.error) }
    case 'index-unusable': return { Type: 'notice', Key: event.key ?? null, Kind: 'index-unusable', Error: errorText(event.reason) }
    case 'postponed': return { Type: 'notice', Key: event.key ?? null, Kind: 'postponed', Error: errorText(event.error) }
    case 'dropped': return { Type: 'dropped', Count: event.count }
    case 'ignored': return undefined
  }
}
