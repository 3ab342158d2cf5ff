/**
 * Every key there is: the one table that files, environment, options, `config default` and `docs/config.md` are made of.
 *
 * Source of `[DAGStore]`: lotus node/config/{types,def}.go and node/modules/storageminer_dagstore.go; names, defaults and its two
 * environment variables are Lotus's.
 */
import { createHostGuard } from '@dagstore/mounts'
import { isApiInfo } from '../api-address.ts'
import { parseLevels } from '../log/levels.ts'
import { CLIENT_KEYS } from './client-keys.ts'
import { DEAL_KEYS } from './deal-keys.ts'
import { GATEWAY_KEYS } from './gateway-keys.ts'
import { parseListen } from './listen.ts'
import { booleanKind, bytesFrom, choice, durationKind, listOf, pathsKind, textKind, textOf, wholeNumber } from './values.ts'
import type { Config } from './config.ts'
import type { ConfigKey, SectionName } from './config-key.ts'

export const SECTIONS: Readonly<Record<SectionName, string>> = {
  DAGStore: 'The keys of Lotus, as in the config.toml of a Lotus miner or of Boost.',
  Daemon: 'Where the daemon answers, to whom, and what it says.',
  Gateway: 'Blocks, CARs, pieces and provider records by HTTP (`/ipfs`, `/piece`, `/routing/v1`): of the daemon at its own port, and of `dagstore gateway`, whose options these are.',
  Indexing: 'How much the store takes.',
  Pieces: 'Where the bytes of `lotus://` shards are. All of it is opened for reading only.',
  Doctor: 'Checks of all shards in the background.',
  Deals: 'Deals that this daemon takes itself. It has no sealing of its own: pieces are written to unsealed sector files, and nothing is proved.',
  Client: 'The client\'s side: imports, deals and retrievals. Its first keys are Lotus\'s, of the config.toml of a Lotus node. Commands that ask no daemon read the file in the folder of the store.',
  Migration: 'Deals that become shards at the first start.',
}

const isHost = (text: string): boolean => /^[\w.-]+(:\d+)?$|^\[[0-9a-f:.]+\](:\d+)?$/iu.test(text)
const isHostRule = (text: string): boolean => {
  try {
    createHostGuard({ allow: [text] })
    return true
  } catch {
    return false
  }
}
const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
const isOrigin = (text: string): boolean => isHttpUrl(text) && new URL(text).origin === text

/** In the order of the page. */
export const KEYS: { readonly [field in keyof Config]: ConfigKey<Config[field]> } = {
  rootDir: {
    section: 'DAGStore', name: 'RootDir', paths: true, kind: textOf('a path', (text) => !text.includes('\0')), default: '', flag: '--root',
    help: 'Folder of the store, from the folder of this file. DAGSTORE_PATH comes before it. Empty: ./.dagstore. A file inside a store cannot name another one. A folder that a Lotus node keeps its DAG store in is refused: `dagstore adopt` takes it over into one of ours.',
  },
  maxConcurrentIndex: {
    section: 'DAGStore', name: 'MaxConcurrentIndex', kind: wholeNumber(0), default: 5, flag: '--concurrency',
    help: 'Shards that are indexed at a time. 0: no limit.',
  },
  maxConcurrentReadyFetches: {
    section: 'DAGStore', name: 'MaxConcurrentReadyFetches', kind: wholeNumber(0), default: 0, lotusEnv: 'LOTUS_DAGSTORE_COPY_CONCURRENCY',
    help: 'Pieces whose bytes are being read at a time. 0: no limit.',
  },
  maxConcurrentUnseals: {
    section: 'DAGStore', name: 'MaxConcurrentUnseals', kind: wholeNumber(0), default: 5,
    help: 'Pieces that are being unsealed at a time. Unsealing has its own places, so it holds up nothing else. 0: no limit.',
  },
  maxConcurrencyStorageCalls: {
    section: 'DAGStore', name: 'MaxConcurrencyStorageCalls', kind: wholeNumber(0), default: 100, lotusEnv: 'LOTUS_DAGSTORE_MOUNT_CONCURRENCY',
    help: 'Questions where a piece is, and openings of pieces, at a time; each has this many places. 0: no limit.',
  },
  gcIntervalMs: {
    section: 'DAGStore', name: 'GCInterval', kind: durationKind, default: 60_000,
    help: 'Time between two collections of what nothing needs: copies that nobody reads, replaced indices. "0s": only when asked.',
  },

  listen: {
    section: 'Daemon', name: 'Listen', kind: textOf('HOST:PORT such as 127.0.0.1:2350', (text) => parseListen(text) !== undefined), default: '127.0.0.1:2350', flag: '--listen',
    help: 'HOST:PORT for RPC, /healthz, /readyz and /metrics. Port 0: any that is free. `[::1]:2350` for IPv6.',
  },
  hosts: {
    section: 'Daemon', name: 'Hosts', kind: listOf('a list of host names', isHost), default: [],
    help: 'Names under which the daemon may be called, beside its address and localhost. Requests with another `Host` are refused.',
  },
  origins: {
    section: 'Daemon', name: 'Origins', kind: listOf('a list of origins such as "https://dashboard.example"', isOrigin), default: [],
    help: 'Origins of web pages that may call, such as `https://dashboard.example`. Requests of other pages are refused.',
  },
  mountHosts: {
    section: 'Daemon', name: 'MountHosts', kind: listOf('a list of host names, *.domains, addresses and ranges', isHostRule), default: [],
    help: 'Hosts of `http` and `https` shards, and of clients whose data are fetched, that may be asked although they are not of the public network: a name, `*.example.com`, an address, or a range such as `10.1.0.0/16`.',
  },
  anonymousRead: {
    section: 'Daemon', name: 'AnonymousRead', kind: choice('loopback', 'always', 'never'), default: 'loopback',
    help: 'Who may read without a token: callers on this machine while the daemon listens on loopback, anybody, or nobody.',
  },
  stopTimeoutMs: {
    section: 'Daemon', name: 'StopTimeout', kind: durationKind, default: 30_000,
    help: 'How long calls under way may go on after SIGTERM. A second signal ends them at once.',
  },
  logLevel: {
    section: 'Daemon', name: 'LogLevel', kind: textOf('debug, info, warn or error, and SUBSYSTEM=LEVEL behind a comma', (text) => parseLevels(text) !== undefined), default: 'info', flag: '--log-level',
    help: '`debug`, `info`, `warn` or `error`; for a subsystem of its own as in `info,rpc=debug,gc=warn`.',
  },
  logFormat: {
    section: 'Daemon', name: 'LogFormat', kind: choice('text', 'json'), default: 'text', flag: '--log-format',
    help: 'Lines for people, or an object a line.',
  },

  ...GATEWAY_KEYS,

  bytesPerSecond: {
    section: 'Indexing', name: 'BytesPerSecond', kind: bytesFrom(0), default: 0, flag: '--bytes-per-second',
    help: 'Bytes that indexing reads in a second at most, all shards together, so that it leaves the disks to proving. 0: no limit.',
  },
  maxOpenShards: {
    section: 'Indexing', name: 'MaxOpenShards', kind: wholeNumber(1), default: 64,
    help: 'Shards that nobody reads and that are kept open, two descriptors each.',
  },
  pageCacheBytes: {
    section: 'Indexing', name: 'PageCache', kind: bytesFrom(0), default: 64 * 2 ** 20,
    help: 'Memory for pages of indices, shared by all shards.',
  },
  transientQuotaBytes: {
    section: 'Indexing', name: 'TransientQuota', kind: bytesFrom(0), default: 0,
    help: 'Room in transients/ for copies of sources that can only be read in order. It must hold the largest CAR. 0: no limit.',
  },
  retryAttempts: {
    section: 'Indexing', name: 'RetryAttempts', kind: wholeNumber(0), default: 5,
    help: 'Failures in a row after which a shard with a passing failure waits for `recover-shard`. 0 and 1: none is tried again.',
  },

  storage: {
    section: 'Pieces', name: 'Storage', paths: true, kind: pathsKind, default: [], flag: '--storage',
    help: 'Storage paths (folders with `unsealed/` or `piece/` in them), a `storage.json`, or repositories of Lotus, Boost or Curio that have one. One that is not there is waited for; until then its pieces cannot be read, and none is absent.',
  },
  pieceServers: {
    section: 'Pieces', name: 'PieceServers', kind: listOf('a list of URLs such as "http://127.0.0.1:7777"', isHttpUrl), default: [],
    help: 'URLs of booster-http or Curio that serve `/piece/{cid}`.',
  },
  lotusApiInfo: {
    section: 'Pieces', name: 'LotusApiInfo', kind: textOf('TOKEN:MULTIADDR or TOKEN:URL', (text) => text === '' || isApiInfo(text)), default: '', secret: true,
    help: 'TOKEN:MULTIADDR of a Lotus miner or markets node with an admin token: asked where sectors are, and their unsealed files are read over `/remote`.',
  },
  sealed: {
    section: 'Pieces', name: 'Sealed', kind: choice('reject', 'queue', 'ask'), default: 'reject',
    help: 'What becomes of a shard whose piece is only sealed: refused at once, unsealed by the node of `LotusApiInfo` when its turn comes, or refused, named in the log of the daemon, and unsealed once that is asked for it by `dagstore recover-shard`. Without a daemon nobody is asked.',
  },
  probeConcurrency: {
    section: 'Pieces', name: 'ProbeConcurrency', kind: wholeNumber(1), default: 4,
    help: 'Places that are asked for one piece at a time.',
  },
  negativeTtlMs: {
    section: 'Pieces', name: 'NegativeTTL', kind: durationKind, default: 60_000,
    help: 'How long a place that does not have a piece is not asked for it again.',
  },

  doctor: {
    section: 'Doctor', name: 'Doctor', kind: booleanKind, default: true,
    help: 'Whether shards are checked, and their indices mended.',
  },
  doctorBytesPerSecond: {
    section: 'Doctor', name: 'DoctorBytesPerSecond', kind: bytesFrom(1), default: 2 ** 20,
    help: 'Bytes of blocks that are hashed in a second.',
  },
  doctorRowsPerSecond: {
    section: 'Doctor', name: 'DoctorRowsPerSecond', kind: wholeNumber(1), default: 1000,
    help: 'Entries of indices that are looked at in a second.',
  },
  doctorRepairsPerHour: {
    section: 'Doctor', name: 'DoctorRepairsPerHour', kind: wholeNumber(0), default: 12,
    help: 'Indices that are built anew in an hour at most. 0: it only looks.',
  },

  ...DEAL_KEYS,

  ...CLIENT_KEYS,

  migrateFrom: {
    section: 'Migration', name: 'MigrateFrom', kind: choice('', 'lotus', 'boost', 'curio', 'file'), default: '',
    help: 'Whose deals become shards when the daemon starts, until all of them have. Empty: nobody\'s; `dagstore migrate` does it at any time.',
  },
  migrateSource: {
    section: 'Migration', name: 'MigrateSource', kind: textKind, default: '', secret: true,
    help: 'Where they are. lotus: TOKEN:MULTIADDR, or a copy of its metadata folder. boost: ws:// of boostd-data, or a copy of boost.db. curio: postgres:// URL. file: NDJSON or CSV.',
  },
}

export const FIELDS: readonly (keyof Config)[] = Object.keys(KEYS) as (keyof Config)[]

/** `DAGSTORE_GCINTERVAL` for `GCInterval`, as Lotus makes `LOTUS_DAGSTORE_GCINTERVAL`. */
export const envName = ({ name, variable = name }: Pick<ConfigKey<any>, 'name' | 'variable'>): string => `DAGSTORE_${variable.toUpperCase()}`
