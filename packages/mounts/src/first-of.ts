/** The same bytes behind several mounts: the first that has them, and the next one when a read is lost. */
import { type ByteSource, type CallOptions, type Clock, compareIdentity, IoError, onAbort, readChunks, systemClock, withdrawable } from '@dagstore/io'
import { causeOf, MountError, retryOf } from './errors.ts'
import { explanationsOf } from './explanation.ts'
import { createFailureMemory, type FailureMemory } from './failure-memory.ts'
import { decodeFirstOf, encodeFirstOf, FIRST_OF_SCHEME, MAX_MOUNTS } from './first-of-url.ts'
import { absent, type Mount, type MountBytes, type MountFactory, type MountStat, type SequentialBytes } from './mount.ts'
import { type Place, switchingSource } from './open-first-of.ts'
import { openedFor } from './opened-for.ts'
import { Deadlines, openOne, type Patience, type Trial } from './patience.ts'
import type { MountRegistry } from './registry.ts'

export interface FirstOfMountOptions {
  /** @default systemClock */
  readonly clock?: Clock | undefined
  /** How long a mount that failed comes last. @default 30 s */
  readonly coolDownMs?: number | undefined
  /**
   * How long a mount is waited for, at opening and at each read, before the next one is asked as well; what it gives is still
   * used when no other can. 0: as long as it takes. @default 30 s
   */
  readonly patienceMs?: number | undefined
}

export const FIRST_OF_DEFAULTS: { readonly coolDownMs: number, readonly patienceMs: number } = Object.freeze({ coolDownMs: 30_000, patienceMs: 30_000 })

/**
 * One mount of several. In mid-read it goes on with the next mount whose identity is the same (`content`, or an equal tag); one
 * that is only opened anew may have any. When none can, the failure has each mount's as its cause.
 *
 * @throws {RangeError} none, or more than 64
 */
export const firstOf = (mounts: readonly Mount[], options: FirstOfMountOptions = {}): Mount => {
  const { clock = systemClock, coolDownMs = FIRST_OF_DEFAULTS.coolDownMs, patienceMs = FIRST_OF_DEFAULTS.patienceMs } = options
  if (mounts.length === 0 || mounts.length > MAX_MOUNTS) throw new RangeError(`mounts; want=1 to ${MAX_MOUNTS} got=${mounts.length}`)
  if (!(patienceMs >= 0)) throw new RangeError(`patienceMs; want=a number from 0 got=${patienceMs}`)
  // URLs may hold signatures, so places are told apart by their number, in messages too
  const parts: Parts = {
    mounts,
    places: mounts.map((mount, at) => ({ name: nameAt(at), open: (call) => openRandom(mount, call) })),
    memory: createFailureMemory({ clock, coolDownMs }),
    patience: { clock, ms: patienceMs },
  }
  return {
    ...explanationsOf(mounts),
    url: encodeFirstOf(mounts.map(({ url }) => url)),
    stat: (call) => statFirst(parts, call),
    open: (call) => openFirst(parts, call),
  }
}

interface Parts {
  readonly mounts: readonly Mount[]
  /** In the same order. */
  readonly places: readonly Place[]
  readonly memory: FailureMemory
  readonly patience: Patience
}

const nameAt = (at: number): string => String(at + 1)

/** Positions of the mounts, those that failed a while ago last. */
const inOrder = ({ mounts, memory }: Parts): readonly number[] => memory.order([...mounts.keys()], nameAt)

/** Scheme `first-of`; the mounts are those of `registry`. What failed is remembered by each mount that is made. */
export const firstOfMount = (registry: MountRegistry, options: FirstOfMountOptions = {}): MountFactory => ({
  scheme: FIRST_OF_SCHEME,
  mount: (url) => firstOf(decodeFirstOf(url).map((inner) => registry.resolve(inner)), options),
})

const statFirst = async (parts: Parts, { signal }: CallOptions = {}): Promise<MountStat> => {
  const failures: unknown[] = []
  let missing: MountStat | undefined
  const found = await openOne(inOrder(parts), {
    open: async (at) => {
      const stat = await parts.mounts[at]!.stat({ signal })
      if (stat.exists) return stat
      missing ??= stat
      return undefined
    },
    ...trialOf(parts, failures, signal),
    close: () => {},
  })
  if (found !== undefined) return found.opened
  // absence is proven only when every mount has answered
  if (failures.length > 0) throw allFailed(failures)
  return missing ?? absent('random')
}

const trialOf = ({ memory, patience }: Parts, failures: unknown[], signal: AbortSignal | undefined): Pick<Trial<number, unknown>, 'failed' | 'late' | 'patience' | 'signal'> => ({
  failed: (at, error) => {
    memory.failed(nameAt(at))
    failures.push(error)
  },
  late: (at) => { memory.failed(nameAt(at)) },
  patience,
  signal,
})

const allFailed = (failures: readonly unknown[]): MountError => {
  const codes = new Set(failures.map((failure) => failure instanceof MountError ? failure.code : undefined))
  const [code] = codes.size === 1 ? codes : []
  return new MountError(code ?? 'MOUNT_UNREACHABLE', `every mount failed; mounts=${failures.length}`, { ...causeOf(failures), retry: retryOf(failures) })
}

const openFirst = async (parts: Parts, { signal }: CallOptions = {}): Promise<MountBytes> => {
  const { mounts, places, memory, patience } = parts
  const failures: unknown[] = []
  const found = await openOne<number, MountBytes>(inOrder(parts), {
    open: (at) => mounts[at]!.open({ signal }),
    ...trialOf(parts, failures, signal),
    close: (opened) => { if (opened.access === 'random') opened.source.close().catch(() => {}) }, // nobody has it
  })
  if (found === undefined) throw allFailed(failures)
  const { item: at, opened } = found
  memory.worked(nameAt(at))
  if (opened.access === 'sequential') return switchingStream(parts, at, opened)
  return { access: 'random', source: switchingSource(places, { at, source: opened.source }, { memory, patience }) }
}

const openRandom = async (mount: Mount, options: CallOptions): Promise<ByteSource> => {
  const opened = await mount.open(options)
  if (opened.access === 'random') return opened.source
  throw new IoError('IO_SOURCE_LOST', 'the next mount can only be read in order')
}

const switchingStream = (parts: Parts, firstAt: number, first: SequentialBytes): SequentialBytes => ({
  access: 'sequential',
  identity: first.identity,
  resumable: first.resumable,
  stream: async function * (from, { signal } = {}) {
    if (from > 0 && !first.resumable) throw new RangeError(`the first mount cannot be resumed; from=${from}`)
    const { mounts, memory, patience } = parts
    const failures: unknown[] = []
    let at = from
    const order = [firstAt, ...inOrder(parts).filter((other) => other !== firstAt)]
    for (const [turn, position] of order.entries()) {
      // one that gives nothing for so long is left, unless it is the last
      const leaving = new AbortController()
      const deadlines = new Deadlines(patience)
      const unwatch = signal === undefined ? () => {} : onAbort(signal, () => { leaving.abort(signal.reason) })
      try {
        signal?.throwIfAborted()
        const inTime = async <T>(work: Promise<T>): Promise<T> => {
          if (turn < order.length - 1 && patience.ms > 0 && !await withdrawable(deadlines.met(work), signal)) {
            const late = new IoError('IO_SOURCE_LOST', `nothing came for too long; place=${nameAt(position)} ms=${patience.ms} at=${at}`, { retry: 'later', offset: at })
            leaving.abort(late)
            throw late
          }
          return withdrawable(work, signal)
        }
        const mount: Pick<Mount, 'open'> = position === firstAt ? { open: async () => first } : mounts[position]!
        const opened = await inTime(openedFor(mount, leaving.signal))
        const chunks = restOf(opened, first, at, from, { signal: leaving.signal })
        let over = false
        try {
          for (;;) {
            const next = await inTime(chunks.next())
            over = next.done === true
            if (next.done === true) break
            at += next.value.byteLength
            yield next.value
          }
        } finally {
          const ending = over ? undefined : chunks.return()
          if (leaving.signal.aborted) ending?.catch(() => {}) // it may hang
          else await ending
        }
        const sizeBytes = first.identity?.sizeBytes
        if (sizeBytes !== undefined && at < sizeBytes) throw new IoError('IO_TRUNCATED', `the bytes ended early; want=${sizeBytes} got=${at}`, { retry: 'later', offset: at })
        memory.worked(nameAt(position))
        return
      } catch (error) {
        signal?.throwIfAborted()
        memory.failed(nameAt(position))
        failures.push(error)
      } finally {
        unwatch()
        deadlines.end()
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
