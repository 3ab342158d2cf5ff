/** How much may be asked of a gateway: whole numbers. */

/** Of one request. `0`: no limit. */
export interface RequestLimits {
  /** Of the body. @default 0 */
  readonly maxBytes?: number | undefined
  /** In a CAR. @default 16,777,216 */
  readonly maxBlocks?: number | undefined
  /** CIDs that a CAR without duplicates remembers, one for each block in it, some 60 bytes of memory each. @default 2,097,152 */
  readonly maxCids?: number | undefined
  /** Of a block under the root of the request. @default 4,096 */
  readonly maxDepth?: number | undefined
  /** @default 4 MiB, which is twice what most clients take */
  readonly maxBlockBytes?: number | undefined
  /** From the request to the end of its answer, milliseconds. @default 43,200,000 (12 hours) */
  readonly maxMs?: number | undefined
  /** How long an asker may take nothing of a stream that has bytes for it, milliseconds. @default 60,000 */
  readonly stalledMs?: number | undefined
}

/** Of one client, or of all together. `0`: no limit. */
export interface SharedLimits {
  /** Requests that are answered at a time. @default 64 of a client, 512 of all */
  readonly requests?: number | undefined
  /** Requests that wait for their turn; one more is refused. `0`: none waits. @default 256 of a client, 4,096 of all */
  readonly waiting?: number | undefined
  /** Of bodies, shared evenly by those who take them. @default 0 */
  readonly bytesPerSecond?: number | undefined
  /**
   * CIDs that CARs without duplicates remember together, some 60 bytes of memory each. Whoever needs one more is refused or broken
   * off, but for the first 4,096 of each. @default 2,097,152 of a client, 4,194,304 of all: 256 MiB
   */
  readonly maxCids?: number | undefined
}

export interface GatewayLimits {
  readonly request?: RequestLimits | undefined
  readonly client?: SharedLimits | undefined
  readonly total?: SharedLimits | undefined
  /** How long a request waits for its turn before it is refused, milliseconds; `0`: as long as it takes. @default 10,000 */
  readonly waitMs?: number | undefined
}

export interface CheckedLimits {
  readonly request: AllOf<RequestLimits>
  readonly client: AllOf<SharedLimits>
  readonly total: AllOf<SharedLimits>
  readonly waitMs: number
}

type AllOf<T> = { readonly [K in keyof T]-?: number }

export const LIMIT_DEFAULTS: CheckedLimits = Object.freeze({
  request: Object.freeze({ maxBytes: 0, maxBlocks: 16_777_216, maxCids: 2_097_152, maxDepth: 4096, maxBlockBytes: 4 << 20, maxMs: 43_200_000, stalledMs: 60_000 }),
  client: Object.freeze({ requests: 64, waiting: 256, bytesPerSecond: 0, maxCids: 2_097_152 }),
  total: Object.freeze({ requests: 512, waiting: 4096, bytesPerSecond: 0, maxCids: 4_194_304 }),
  waitMs: 10_000,
})

/** What is given, and the defaults of the rest. @throws {RangeError} no whole number from 0 */
export const checkedLimits = ({ request, client, total, waitMs }: GatewayLimits = {}): CheckedLimits => ({
  request: filled('request', LIMIT_DEFAULTS.request, request),
  client: filled('client', LIMIT_DEFAULTS.client, client),
  total: filled('total', LIMIT_DEFAULTS.total, total),
  waitMs: checked('waitMs', waitMs ?? LIMIT_DEFAULTS.waitMs),
})

const filled = <T extends Readonly<Record<string, number>>>(group: string, defaults: T, given: Partial<Record<keyof T, number | undefined>> = {}): T =>
  Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, checked(`${group}.${name}`, given[name as keyof T] ?? value)])) as T

const checked = (name: string, value: number): number => {
  if (!(value >= 0 && Number.isSafeInteger(value))) throw new RangeError(`limit; name=${name} want=a whole number from 0 got=${value}`)
  return value
}
