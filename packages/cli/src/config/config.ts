/** What a daemon can be told: one value for each key of {@link KEYS}. */

export type AnonymousRead = 'loopback' | 'always' | 'never'
export type SealedPolicy = 'reject' | 'queue' | 'ask'
export type LogFormat = 'text' | 'json'
export type GatewayAccess = 'reading' | 'always' | 'never'
export type AcceptDeals = 'loopback' | 'always' | 'never'
export type MigrationSource = '' | 'lotus' | 'boost' | 'curio' | 'file'

/** Times in milliseconds, sizes in bytes; 0 where a limit is wanted: none. */
export interface Config {
  readonly rootDir: string
  readonly maxConcurrentIndex: number
  readonly maxConcurrentReadyFetches: number
  readonly maxConcurrencyStorageCalls: number
  readonly maxConcurrentUnseals: number
  readonly gcIntervalMs: number

  readonly listen: string
  readonly hosts: readonly string[]
  readonly origins: readonly string[]
  readonly mountHosts: readonly string[]
  readonly anonymousRead: AnonymousRead
  readonly stopTimeoutMs: number
  readonly logLevel: string
  readonly logFormat: LogFormat

  readonly gatewayAccess: GatewayAccess
  readonly gatewayListen: string
  readonly tlsCert: string
  readonly tlsKey: string
  readonly proxies: readonly string[]
  readonly denylists: readonly string[]
  /** `''`: none; `-`: stdout. */
  readonly accessLog: string
  readonly accessLogFormat: LogFormat
  readonly gatewayRequests: number
  readonly gatewayClientRequests: number
  readonly gatewayBytesPerSecond: number
  readonly gatewayClientBytesPerSecond: number
  readonly gatewayMaxBytes: number
  readonly gatewayMaxMs: number
  readonly gatewayWaitMs: number

  readonly bytesPerSecond: number
  readonly maxOpenShards: number
  readonly pageCacheBytes: number
  readonly transientQuotaBytes: number
  readonly retryAttempts: number

  readonly storage: readonly string[]
  readonly pieceServers: readonly string[]
  readonly lotusApiInfo: string
  readonly sealed: SealedPolicy
  readonly probeConcurrency: number
  readonly negativeTtlMs: number

  readonly doctor: boolean
  readonly doctorBytesPerSecond: number
  readonly doctorRowsPerSecond: number
  readonly doctorRepairsPerHour: number

  /** Actor id. */
  readonly miner: bigint
  readonly acceptDeals: AcceptDeals
  /** attoFIL. */
  readonly dealPrice: bigint
  readonly verifiedDealPrice: bigint
  /** Padded. */
  readonly minPieceBytes: number
  readonly maxPieceBytes: number
  readonly maxTransfers: number
  readonly transferBytesPerSecond: number
  readonly transferExpiryMs: number
  readonly maxWaitingDeals: number
  /** attoFIL. */
  readonly retrievalPrice: bigint
  readonly unsealPrice: bigint

  readonly useIpfs: boolean
  readonly ipfsUseForRetrieval: boolean
  readonly ipfsMAddr: string
  readonly ipfsOnlineMode: boolean
  readonly simultaneousTransfers: number
  readonly clientTransferBytesPerSecond: number
  /** Address; `''`: nobody's. */
  readonly clientWallet: string
  /** `f01000=http://…`. */
  readonly clientProviders: readonly string[]
  readonly clientGateways: readonly string[]
  readonly payloadUrl: string
  /** None: all. */
  readonly referencedFolders: readonly string[]
  readonly retrievalRetentionMs: number
  readonly retrievalMaxBytes: number

  readonly migrateFrom: MigrationSource
  readonly migrateSource: string
}
