/** What each key of the configuration does to the parts; what the parts do then is tested with them. */
import { describe, expect, it } from 'vitest'
import { doctorOptions, loaderOptions, storeOptions } from '../src/config/apply.ts'
import type { Config } from '../src/config/config.ts'
import { FIELDS, KEYS } from '../src/config/keys.ts'

const DEFAULTS = Object.fromEntries(FIELDS.map((field) => [field, KEYS[field].default])) as unknown as Config
const withKeys = (keys: Partial<Config>): Config => ({ ...DEFAULTS, ...keys })

describe('keys of the store', () => {
  it('are Lotus\'s for what is indexed at a time, and 0 is no limit', () => {
    expect(storeOptions(DEFAULTS)).toMatchObject({ maxConcurrentIndexing: 5, maxOpenShards: 64, retry: { attempts: 5 } })
    expect(storeOptions(withKeys({ maxConcurrentIndex: 1 })).maxConcurrentIndexing).toBe(1)
    expect(storeOptions(withKeys({ maxConcurrentIndex: 0 })).maxConcurrentIndexing).toBeGreaterThan(1e9)
  })

  it('bound bytes, descriptors, memory, copies and retries', () => {
    expect(storeOptions(DEFAULTS)).not.toHaveProperty('indexingBytesPerSecond')
    expect(storeOptions(DEFAULTS)).not.toHaveProperty('transients')
    expect(storeOptions(withKeys({ bytesPerSecond: 7, maxOpenShards: 8, transientQuotaBytes: 9, retryAttempts: 0 }))).toMatchObject({ indexingBytesPerSecond: 7, maxOpenShards: 8, transients: { quotaBytes: 9 }, retry: { attempts: 0 } })
    expect(storeOptions(withKeys({ pageCacheBytes: 4096 })).pages?.maxBytes).toBe(4096)
  })
})

describe('keys of the pieces', () => {
  it('L3: 3 bound questions, openings, reads and unsealing each by itself, and 0 is no limit for any', () => {
    // there: one pool for all, 0 places in it blocked every call, and MaxConcurrentUnseals was never looked at
    expect(loaderOptions(DEFAULTS).limits).toEqual({ metadata: 100, open: 100, stream: 0, unseal: 5 })
    expect(loaderOptions(withKeys({ maxConcurrencyStorageCalls: 0, maxConcurrentReadyFetches: 2, maxConcurrentUnseals: 0 })).limits).toEqual({ metadata: 0, open: 0, stream: 2, unseal: 0 })
  })

  it('say who is asked at a time, for how long an absence is believed, and what is done with what is sealed', () => {
    expect(loaderOptions(withKeys({ probeConcurrency: 2, negativeTtlMs: 3, sealed: 'queue' }))).toMatchObject({ probeConcurrency: 2, negativeTtlMs: 3, sealed: 'queue' })
    expect(loaderOptions(withKeys({ sealed: 'ask' })).sealed, 'nobody to ask').toBe('reject')
    expect(loaderOptions(withKeys({ sealed: 'ask' }), async () => 'queue').sealed).toBe('ask')
  })
})

describe('keys of the doctor', () => {
  it('say how fast it is, and whether it is there', () => {
    expect(doctorOptions(withKeys({ doctorBytesPerSecond: 1, doctorRowsPerSecond: 2, doctorRepairsPerHour: 3 }))).toEqual({ bytesPerSecond: 1, rowsPerSecond: 2, repairsPerHour: 3 })
    expect(doctorOptions(withKeys({ doctor: false }))).toBeUndefined()
  })
})
