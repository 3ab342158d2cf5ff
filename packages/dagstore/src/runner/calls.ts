/** Callers that wait for an answer of a shard's machine. */
import { type CallOptions, onAbort } from '@dagstore/io'
import type { ShardLease } from '../lease.ts'
import type { Event } from '../machine/index.ts'
import type { ShardInfo } from '../shard-info.ts'

/** How one parked call ends; each of them at most once. */
export interface Call {
  grant(lease: ShardLease): void
  /** `undefined`: the shard is gone. */
  answer(info: ShardInfo | undefined): void
  refuse(error: unknown): void
}

export interface Waiting<T> {
  readonly call: Call
  readonly result: Promise<T>
}

let last = 0
/** Of waiters and leases; unique in this process. */
export const nextWaiter = (): number => ++last

/** A call that ends with a lease, or with what the shard has become. */
export const leaseCall = (): Waiting<ShardLease> => waiting((resolve, reject) => ({
  grant: resolve,
  answer: () => { reject(new TypeError('a call for a lease was answered without one')) },
  refuse: reject,
}))

export const infoCall = (): Waiting<ShardInfo | undefined> => waiting((resolve, reject) => ({
  grant: () => { reject(new TypeError('a call for an answer was granted a lease')) },
  answer: resolve,
  refuse: reject,
}))

const waiting = <T>(make: (resolve: (value: T) => void, reject: (error: unknown) => void) => Call): Waiting<T> => {
  let call: Call | undefined
  const result = new Promise<T>((resolve, reject) => { call = make(resolve, reject) })
  return { call: call as unknown as Call, result }
}

/** What a call needs of a runner. */
export interface CallTarget {
  enter(waiter: number, call: Call, event: Event): void
  /** The caller is gone: forget the call, tell the machine. */
  leave(waiter: number): void
}

/** Put a call to a shard; when the signal fires, only the caller leaves. */
export const callShard = async <T>(target: CallTarget, { call, result }: Waiting<T>, event: (waiter: number) => Event, { signal }: CallOptions): Promise<T> => {
  signal?.throwIfAborted()
  const waiter = nextWaiter()
  const unwatch = signal === undefined ? undefined : onAbort(signal, () => {
    target.leave(waiter)
    call.refuse(signal.reason)
  })
  target.enter(waiter, call, event(waiter))
  try {
    return await result
  } finally {
    unwatch?.()
  }
}
