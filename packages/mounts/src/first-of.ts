/** The same bytes behind several mounts: the first that has them, and the next one when a read is lost. */
import { type ByteSource, type CallOptions, type Clock, compareIdentity, IoError, readChunks, systemClock } from '@dagstore/io'
import { causeOf, MountError, retryOf } from './errors.ts'
import { createFailureMemory, type FailureMemory } from './failure-memory.ts'
import { decodeFirstOf, encodeFirstOf, FIRST_OF_SCHEME, MAX_MOUNTS } from './first-of-url.ts'
import { absent, type Mount, type MountBytes, type MountFactory, type MountStat, type SequentialBytes } from './mount.ts'
import { type Place, switchingSource } from './open-first-of.ts'
import type { MountRegistry } from './registry.ts'

export interface FirstOfMountOptions {
  /** @default systemClock */
  readonly clock?: Clock | undefined
  /** How long a mount that failed comes last. @default 30 s */
  readonly coolDownMs?: number | undefined
}

export const FIRST_OF_DEFAULTS: { readonly coolDownMs: number } = Object.freeze({ coolDownMs: 30_000 })

/**
 * One mount of several. In mid-read it goes on with the next mount whose identity is the same (`content`, or an equal tag); one
 * that is only opened anew may have any. When none can, the failure has each mount's as its cause.
 *
 * @throws {RangeError} none, or more than 64
 */
export const firstOf = (mounts: readonly Mount[], { clock = systemClock, coolDownMs = FIRST_OF_DEFAULTS.coolDownMs }: FirstOfMountOptions = {}): Mount => {
  if (mounts.length === 0 || mounts.length > MAX_MOUNTS) throw new RangeError(`mounts; want=1 to ${MAX_MOUNTS} got=${mounts.length}`)
  const memory = createFailureMemory({ clock, coolDownMs })
  return {
    url: encodeFirstOf(mounts.map(({ url }) => url)),
    stat: (options) => statFirst(mounts, memory, options),
    open: (options) => openFirst(mounts, memory, options),
  }
}

/** Scheme `first-of`; the mounts are those of `registry`. What failed is remembered by each mount that is made. */
export const firstOfMount = (registry: MountRegistry, options: FirstOfMountOptions = {}): MountFactory => ({
  scheme: FIRST_OF_SCHEME,
  mount: (url) => firstOf(decodeFirstOf(url).map((inner) => registry.resolve(inner)), options),
})

const statFirst = async (mounts: readonly Mount[], memory: FailureMemory, options: CallOptions = {}): Promise<MountStat> => {
  const failures: unknown[] = []
  let missing: MountStat | undefined
  for (const mount of memory.order(mounts, ({ url }) => url)) {
    options.signal?.throwIfAborted()
    try {
      const stat = await mount.stat(options)
      if (stat.exists) return stat
      missing ??= stat
    } catch (error) {
      options.signal?.throwIfAborted()
      memory.failed(mount.url)
      failures.push(error)
    }
  }
  // absence is proven only when every mount has answered
  if (failures.length > 0) throw allFailed(failures)
  return missing ?? absent('random')
}

const allFailed = (failures: readonly unknown[]): MountError => {
  const codes = new Set(failures.map((failure) => failure instanceof MountError ? failure.code : undefined))
  const [code] = codes.size === 1 ? codes : []
  return new MountError(code ?? 'MOUNT_UNREACHABLE', `every mount failed; mounts=${failures.length}`, { ...causeOf(failures), retry: retryOf(failures) })
}

const openFirst = async (mounts: readonly Mount[], memory: FailureMemory, options: CallOptions = {}): Promise<MountBytes> => {
  const failures: unknown[] = []
  for (const mount of memory.order(mounts, ({ url }) => url)) {
    options.signal?.throwIfAborted()
    try {
      const opened = await mount.open(options)
      memory.worked(mount.url)
      if (opened.access === 'sequential') return switchingStream(opened, mount, mounts, memory)
      return { access: 'random', source: switchingSource(mounts.map(placeOf), { at: mounts.indexOf(mount), source: opened.source }, { memory }) }
    } catch (error) {
      options.signal?.throwIfAborted()
      memory.failed(mount.url)
      failures.push(error)
    }
  }
  throw allFailed(failures)
}

const placeOf = (mount: Mount): Place => ({
  name: mount.url,
  open: async (options): Promise<ByteSource | undefined> => {
    const opened = await mount.open(options)
    if (opened.access === 'random') return opened.source
    throw new IoError('IO_SOURCE_LOST', 'the next mount can only be read in order')
  },
})

const switchingStream = (first: SequentialBytes, firstMount: Mount, mounts: readonly Mount[], memory: FailureMemory): SequentialBytes => ({
  access: 'sequential',
  identity: first.identity,
  resumable: first.resumable,
  stream: async function * (from, options = {}) {
    if (from > 0 && !first.resumable) throw new RangeError(`the first mount cannot be resumed; from=${from}`)
    const failures: unknown[] = []
    let at = from
    const others = memory.order(mounts, ({ url }) => url).filter((mount) => mount !== firstMount)
    for (const mount of [firstMount, ...others]) {
      try {
        const opened = mount === firstMount ? first : await mount.open(options)
        for await (const chunk of restOf(opened, first, at, from, options)) {
          at += chunk.byteLength
          yield chunk
        }
        memory.worked(mount.url)
        return
      } catch (error) {
        options.signal?.throwIfAborted()
        memory.failed(mount.url)
        failures.push(error)
      }
    }
    throw new IoError('IO_SOURCE_LOST', `lost in every mount; mounts=${mounts.length} at=${at}`, { ...causeOf(failures), retry: retryOf(failures), offset: at })
  },
})

/** The bytes from `at` on, if they are known to be the same. */
async function * restOf (opened: MountBytes, first: SequentialBytes, at: number, from: number, options: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const identity = opened.access === 'random' ? opened.source.identity : opened.identity
  const same = opened === first || (first.identity !== undefined && identity !== undefined && compareIdentity(first.identity, identity) === 'same')
  // of what nobody has seen a byte yet, and nobody knows what it is, any will do
  const fresh = at === 0 && from === 0 && first.identity === undefined
  if (opened.access === 'random') {
    try {
      if (!same && !fresh) throw notSame(at)
      yield * readChunks(opened.source, at, opened.source.sizeBytes, options)
    } finally {
      await opened.source.close()
    }
    return
  }
  if (!same && !fresh) throw notSame(at)
  let skip = opened.resumable ? 0 : at
  for await (const chunk of opened.stream(opened.resumable ? at : 0, options)) {
    if (skip >= chunk.byteLength) {
      skip -= chunk.byteLength
      continue
    }
    yield skip === 0 ? chunk : chunk.slice(skip)
    skip = 0
  }
}

const notSame = (at: number): IoError => new IoError('IO_SOURCE_CHANGED', `the next mount is not known to have the same bytes; at=${at}`, { offset: at })
