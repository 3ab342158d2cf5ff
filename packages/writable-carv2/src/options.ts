/** What the three ways to open a file are told. */
import { CAR_LIMITS, type IdentityPolicy, type IdentityPolicyName, resolveIdentityPolicy } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import type { ByteProgress, CallOptions } from '@dagstore/io'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { WritableCarError } from './errors.ts'
import { MAX_ROOTS_BYTES } from './file-head.ts'
import type { CarRules } from './resume-slot.ts'

/**
 * How an unfinished file looks. `resumable`: with notes of what is on disk, roots named at the end. `go-car`: as the
 * `ReadWrite` blockstore of go-car has it, which takes it up and leaves such files. `carv1`: a plain CARv1, never finalized
 * and without an index, as go-car writes it with `WriteAsCarV1`.
 */
export type CarFileLayout = 'resumable' | 'go-car' | 'carv1'

/** What all three ways take. */
export interface WritableCarOptions {
  /** Of the finished file, unless `finalize` is given others. @default those the file has, else none */
  readonly roots?: readonly AnyCid[] | undefined
  /** @default createHashes() */
  readonly hashes?: Hashes
  /**
   * Hash what is put. Without it one block that does not match its CID ends a file in a layout of go-car when it is resumed: what
   * is behind it is cut off. `caller`: whoever puts has hashed each block, so that a resume finds it by its hash; a checkpoint then
   * needs one sync fewer than without. @default true
   */
  readonly verifyPuts?: boolean | 'caller'
  /** `never`: blocks are given back as they are in the file. @default 'always' */
  readonly verify?: 'always' | 'never'
  /** Close the file with the store. @default true */
  readonly owns?: boolean
  /**
   * Memory for the entries of the index that `finalize` makes, in bytes; what is beyond it goes behind the index into the file; not
   * for `index-sorted`, whose entries are all held. @default 32 MiB
   */
  readonly indexMemoryBytes?: number
  /** Longest section in bytes, its CID counted; go-car refuses longer ones than its default. @default 8 MiB; a resumed file keeps its own */
  readonly maxSectionBytes?: number
  /** Longest CID of a section in bytes, as go-car's `MaxIndexCidSize`. @default 2048; a resumed file keeps its own */
  readonly maxCidBytes?: number
}

/** What a file is made with. In the `resumable` layout it keeps them, in the others they are to be given each time. */
export interface CarFileOptions extends WritableCarOptions {
  /** @default 'resumable' */
  readonly layout?: CarFileLayout
  /** Zeros between header and CARv1, in bytes; only in the `go-car` layout, go-car's `UseDataPadding`. @default 0 */
  readonly dataPadding?: number
  /** Blocks of one multihash under several CIDs are several blocks; go-car's `UseWholeCIDs`. @default false */
  readonly wholeCid?: boolean
  /** `allow`: what is there is stored again, and listed by the index each time; go-car's `AllowDuplicatePuts`. @default 'skip' */
  readonly duplicates?: 'skip' | 'allow'
  /** What becomes of identity CIDs. @default 'full': stored, as the payload form needs, listed and answered */
  readonly identity?: IdentityPolicyName | IdentityPolicy
}

/** What taking a file up takes: all of its sections are read, in their heads at least. */
export interface OpenCarOptions extends CarFileOptions, CallOptions {
  /** Told of the bytes of sections that were gone through. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface CreateCarOptions extends CarFileOptions {
  /**
   * Room for the CARv1 header that holds the roots, in bytes; at most what readers take, some 32 MiB. Only in the `resumable`
   * layout. @default 3584, or what `roots` need; rounded up
   */
  readonly reserveBytes?: number
}

const UINT32_MAX = 2 ** 32 - 1
/** What the CARv1 header of the `go-car` layout may stand behind. */
const MAX_PADDING_BYTES = 1 << 30

/** Those that were given, with their defaults. @throws {RangeError} @throws {TypeError} no such identity policy, or layout */
export const rulesOf = (options: CarFileOptions): CarRules => {
  layoutOf(options)
  return {
    maxSectionBytes: checkLimit('maxSectionBytes', options.maxSectionBytes ?? CAR_LIMITS.maxSectionBytes),
    maxCidBytes: checkLimit('maxCidBytes', options.maxCidBytes ?? CAR_LIMITS.maxCidBytes),
    wholeCid: options.wholeCid ?? false,
    duplicates: options.duplicates === 'allow',
    identity: resolveIdentityPolicy(options.identity),
  }
}

/** @throws {TypeError} no such layout, or an option that it does not have @throws {RangeError} a number out of range */
export const layoutOf = ({ layout = 'resumable', dataPadding, reserveBytes, indexMemoryBytes }: CreateCarOptions): CarFileLayout => {
  if (layout !== 'resumable' && layout !== 'go-car' && layout !== 'carv1') throw new TypeError(`no such layout; got=${String(layout)}`)
  if (reserveBytes !== undefined && layout !== 'resumable') throw new TypeError(`reserveBytes: not in this layout; layout=${layout}`)
  if (dataPadding !== undefined && layout !== 'go-car') throw new TypeError(`dataPadding: not in this layout; layout=${layout}`)
  checkBytes('dataPadding', dataPadding ?? 0, MAX_PADDING_BYTES)
  checkBytes('indexMemoryBytes', indexMemoryBytes ?? 0, Number.MAX_SAFE_INTEGER)
  checkBytes('reserveBytes', reserveBytes ?? 0, MAX_ROOTS_BYTES)
  return layout
}

/** A file keeps what it was made with. @throws {TypeError} something else is given */
export const checkKept = (options: CarFileOptions, kept: CarRules): void => {
  const same = <T>(name: string, given: T | undefined, has: T): void => {
    if (given !== undefined && given !== has) throw new TypeError(`the file was made with another ${name}; file=${String(has)} given=${String(given)}`)
  }
  same('wholeCid', options.wholeCid, kept.wholeCid)
  same('maxSectionBytes', options.maxSectionBytes, kept.maxSectionBytes)
  same('maxCidBytes', options.maxCidBytes, kept.maxCidBytes)
  same('duplicates', options.duplicates, kept.duplicates ? 'allow' : 'skip')
  if (options.identity === undefined) return
  const given = resolveIdentityPolicy(options.identity)
  for (const name of ['store', 'index', 'mark', 'inline'] as const) same(`identity policy: ${name}`, given[name], kept.identity[name])
}

/** @throws {TypeError} one is no CID */
export const rootsOf = ({ roots }: Pick<WritableCarOptions, 'roots'>): readonly CID[] | undefined => roots?.map(toCid)

/**
 * In layouts that have the roots before the sections: those of the file are those asked for, in whatever order, as go-car has it.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_ROOTS_FIXED`
 */
export const checkRoots = (asked: readonly CID[] | undefined, has: readonly CID[]): void => {
  if (asked === undefined || (asked.length === has.length && sorted(asked).every((root, i) => root === sorted(has)[i]))) return
  throw new WritableCarError('WRITABLE_CAR_ROOTS_FIXED', `the file has other roots; file=${has.map(String).join(',')} asked=${asked.map(String).join(',')}`)
}

const sorted = (roots: readonly CID[]): readonly string[] => roots.map(String).sort()

const checkLimit = (name: string, bytes: number): number => {
  if (Number.isSafeInteger(bytes) && bytes > 0 && bytes <= UINT32_MAX) return bytes
  throw new RangeError(`${name}; min=1 max=${UINT32_MAX} got=${bytes}`)
}

const checkBytes = (name: string, bytes: number, max: number): void => {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > max) throw new RangeError(`${name}; min=0 max=${max} got=${bytes}`)
}
