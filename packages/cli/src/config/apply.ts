/** What the keys of the configuration are to the parts. */
import { createPageCache } from '@dagstore/carv2'
import type { DoctorOptions } from '@dagstore/dagstore'
import type { PieceLoaderOptions } from '@dagstore/lotus-mount'
import type { NodeDagstoreOptions } from '@dagstore/node'
import type { GatewayLimits } from '@dagstore/trustless-gateway'
import type { Config } from './config.ts'

/** A limit that is none, where one has to be a number. */
const UNLIMITED = 2 ** 31 - 1

export const storeOptions = (config: Config): NodeDagstoreOptions => ({
  maxConcurrentIndexing: config.maxConcurrentIndex === 0 ? UNLIMITED : config.maxConcurrentIndex,
  ...(config.bytesPerSecond === 0 ? {} : { indexingBytesPerSecond: config.bytesPerSecond }),
  maxOpenShards: config.maxOpenShards,
  pages: createPageCache({ maxBytes: config.pageCacheBytes }),
  retry: { attempts: config.retryAttempts },
  ...(config.transientQuotaBytes === 0 ? {} : { transients: { quotaBytes: config.transientQuotaBytes } }),
})

/** @param onSealed - whom to ask; a command has nobody but its user, who is told */
export const loaderOptions = (config: Config, onSealed?: PieceLoaderOptions['onSealed']): PieceLoaderOptions => ({
  limits: {
    metadata: config.maxConcurrencyStorageCalls,
    open: config.maxConcurrencyStorageCalls,
    stream: config.maxConcurrentReadyFetches,
    unseal: config.maxConcurrentUnseals,
  },
  probeConcurrency: config.probeConcurrency,
  negativeTtlMs: config.negativeTtlMs,
  sealed: config.sealed === 'ask' && onSealed === undefined ? 'reject' : config.sealed,
  onSealed,
})

/** `undefined`: no checks. */
export const doctorOptions = (config: Config): DoctorOptions | undefined => config.doctor
  ? { bytesPerSecond: config.doctorBytesPerSecond, rowsPerSecond: config.doctorRowsPerSecond, repairsPerHour: config.doctorRepairsPerHour }
  : undefined

export const gatewayLimits = (config: Config): GatewayLimits => ({
  request: { maxBytes: config.gatewayMaxBytes, maxMs: config.gatewayMaxMs },
  client: { requests: config.gatewayClientRequests, bytesPerSecond: config.gatewayClientBytesPerSecond },
  total: { requests: config.gatewayRequests, bytesPerSecond: config.gatewayBytesPerSecond },
  waitMs: config.gatewayWaitMs,
})
