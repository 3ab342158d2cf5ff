/// <reference lib="esnext.disposable" preserve="true" />
/** A session's source: its failures are seen, and closing it ends the reads under way. It reads in every way its source does, but for blocking. */
import { type ByteSource, type CallbackSource, canFill, type FillingSource, hasCallbacks, IoError, type ReadDone } from '@dagstore/io'

/**
 * Those of a revoked lease may hang for as long as a remote end likes: on `close` they reject with `IO_CLOSED` at once. What
 * such a read was to be put into may still be written to.
 *
 * @param failed - called with what a read rejects with, before that
 */
export const watchedSource = (source: ByteSource, failed: (error: unknown) => void): ByteSource => {
  const pending = new Set<(error: unknown) => void>()
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= (async () => {
      const closed = source.close()
      if (pending.size === 0) return closed
      closed.catch(() => {}) // nobody waits for a source that may hang
      for (const cut of pending) cut(new IoError('IO_CLOSED', 'source was closed during the read'))
    })()
    return closing
  }
  const refuse = (): IoError => new IoError('IO_CLOSED', 'source is closed')
  const watched = <T>(read: () => Promise<T>): Promise<T> => new Promise((resolve, reject) => {
    if (closing !== undefined) return reject(refuse())
    pending.add(reject)
    read().then(
      (value) => {
        pending.delete(reject)
        resolve(value)
      },
      (error: unknown) => {
        pending.delete(reject)
        failed(error)
        reject(error)
      }
    )
  })
  const out: ByteSource = {
    sizeBytes: source.sizeBytes,
    identity: source.identity,
    cost: source.cost,
    read: (at, length, options) => watched(() => source.read(at, length, options)),
    peek: (at, length) => source.peek(at, length),
    close,
    [Symbol.asyncDispose]: close,
  }
  return withPowers(out, {
    readInto: canFill(source) ? (at, into, options) => watched(() => source.readInto(at, into, options)) : undefined,
    readThen: !hasCallbacks(source) ? undefined : (at, length, done) => {
      if (closing !== undefined) throw refuse()
      const end: ReadDone = (error, bytes) => {
        // a read that was cut off has ended already
        if (!pending.delete(cut)) return
        if (bytes === undefined) failed(error)
        done(error, bytes)
      }
      const cut = (error: unknown): void => { if (pending.delete(cut)) done(error, undefined) }
      pending.add(cut)
      try {
        source.readThen(at, length, end)
      } catch (error) {
        pending.delete(cut)
        throw error
      }
    },
  })
}

interface Powers {
  readonly readInto: FillingSource['readInto'] | undefined
  readonly readThen: CallbackSource['readThen'] | undefined
}

/** `source`, with those of the powers that there are: a method that is there is taken for one. */
export const withPowers = (source: ByteSource, { readInto, readThen }: Powers): ByteSource => ({
  ...source,
  ...(readInto === undefined ? {} : { readInto }),
  ...(readThen === undefined ? {} : { readThen }),
})
