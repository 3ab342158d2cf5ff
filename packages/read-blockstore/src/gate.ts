/** Lets a store close in an orderly way: calls under way finish, later ones are refused. */
import { BlockstoreError } from './errors.ts'

export interface Gate {
  /** @throws {BlockstoreError} `BLOCKSTORE_CLOSED` */
  check(): void
  /** A call begins that the end of {@link shut} waits for, until {@link leave}. @throws {BlockstoreError} `BLOCKSTORE_CLOSED` */
  enter(): void
  leave(): void
  /** Both, around a call. @throws {BlockstoreError} `BLOCKSTORE_CLOSED` */
  pass<T>(call: () => Promise<T>): Promise<T>
  /** Refuses later calls at once; resolves when none is under way. */
  shut(): Promise<void>
}

/** An open one. For those who write blockstores; it knows nothing of what it guards. */
export const createGate = (): Gate => {
  let under = 0
  let open = true
  let emptied = (): void => {}
  const empty = new Promise<void>((resolve) => { emptied = resolve })
  const check = (): void => {
    if (!open) throw new BlockstoreError('BLOCKSTORE_CLOSED', 'the store is closed')
  }
  const enter = (): void => {
    check()
    under++
  }
  const leave = (): void => {
    if (--under === 0 && !open) emptied()
  }
  return {
    check,
    enter,
    leave,
    pass: async (call) => {
      enter()
      try {
        return await call()
      } finally {
        leave()
      }
    },
    shut: async () => {
      open = false
      if (under > 0) await empty
    },
  }
}
