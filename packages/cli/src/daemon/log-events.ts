/** What a store and its server tell, as messages of the log. */
import type { DagstoreEvent } from '@dagstore/dagstore'
import type { ShardLoader, ShardLoaderEvent } from '@dagstore/deal-provider'
import type { ServerEvent } from '@dagstore/rpc'
import type { Logger, Logs } from '../log/logs.ts'
import { showBytes } from '../text.ts'

/** Failures are warnings, since the store goes on; what could not be written at all is an error. Each step of a shard is told at `debug`. */
export const logStore = (logs: Logs): (event: DagstoreEvent) => void => {
  const [shards, doctor] = [logs.of('shards'), logs.of('doctor')]
  return (event) => {
    switch (event.type) {
      case 'health': return tellHealth(shards, event)
      case 'unsaved': return shards.error('a record could not be written', { shard: event.key, error: event.error })
      case 'index-unusable': return shards.warn(event.key === undefined ? 'the index of all shards is damaged and is written anew' : 'an index is lost or damaged and is built anew', { shard: event.key, error: event.reason })
      case 'postponed': return shards.warn('something is put off and tried again later', { shard: event.key, error: event.error })
      case 'finding': return doctor.warn('a check has found something wrong', { shard: event.key, check: event.finding.check, code: event.finding.code, message: event.finding.message })
      case 'ignored': return shards.debug('an event meant nothing to its shard', { shard: event.key, event: event.event })
      case 'progress': return
      case 'dropped': return
    }
  }
}

const tellHealth = (log: Logger, { key, from, to, failure }: Extract<DagstoreEvent, { readonly type: 'health' }>): void => {
  if (to === 'errored' && failure !== undefined) log.warn('a shard failed', { shard: key, code: failure.code, message: failure.message, retry: failure.retry })
  else log.debug('state', { shard: key, from: from ?? 'none', to: to ?? 'none' })
}

/** Collections and recoveries, until the loader is closed; what it hands on of the store is told elsewhere. Never rejects. */
export const logLoader = async (logs: Logs, loader: Pick<ShardLoader, 'events'>): Promise<void> => {
  const [gc, shards] = [logs.of('gc'), logs.of('shards')]
  for await (const event of loader.events()) {
    if (event.type === 'gc') tellCollection(gc, event)
    else if (event.type === 'recovery') shards[event.error === undefined ? 'info' : 'warn'](event.error === undefined ? 'a shard was recovered' : 'a shard could not be recovered', { shard: event.key, error: event.error })
  }
}

const tellCollection = (log: Logger, { report, error }: Extract<ShardLoaderEvent, { readonly type: 'gc' }>): void => {
  if (report === undefined) return log.error('collection failed', { error })
  const { items, failures, reclaimedBytes } = report
  log[items.length === 0 ? 'debug' : 'info']('collected', { items: items.length - failures, reclaimed: showBytes(reclaimedBytes) })
  for (const item of items) if (item.error !== undefined) log.warn('could not be collected', { shard: item.key, kind: item.kind, name: item.name, error: item.error })
}

/** Calls at `debug`, those that failed at `info`; who was refused is a warning, without what was sent. */
export const logServer = (logs: Logs): (event: ServerEvent) => void => {
  const log = logs.of('rpc')
  return (event) => {
    switch (event.type) {
      // whoever leaves a stream has not failed
      case 'call': return log[event.code === undefined || event.code === 'RPC_CLOSED' ? 'debug' : 'info'](event.code === undefined ? 'call' : event.code === 'RPC_CLOSED' ? 'call was left' : 'call failed', { method: event.method, ms: Math.round(event.ms), client: event.client, code: event.code })
      case 'refused': return log.warn('refused', { reason: event.reason, path: event.path, client: event.client })
      case 'failed': return log.error('a connection could not be taken', { error: event.message })
      case 'socket': return log.debug(event.open ? 'socket opened' : 'socket closed', { client: event.client })
    }
  }
}
