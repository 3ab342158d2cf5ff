/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A piece read through whichever source has it: a read that fails because of its source is repeated on the next one. Copies
 * of a piece are equal by definition, so a reader sees one version of the bytes whatever they come from.
 */
import { type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { PieceLoaderError } from './errors.ts'

/** Opens the next source that has the piece; `undefined` when there is none left. What went wrong on the way goes to `causes`. */
export type OpenNext = (causes: unknown[], options: CallOptions) => Promise<ByteSource | undefined>

/** Failures of the source, not of the caller's numbers. */
const isLost = (error: unknown): boolean => !(error instanceof IoError) || (error.code !== 'IO_OUT_OF_RANGE' && error.code !== 'IO_CLOSED')

export const createFailoverSource = (piece: string, first: ByteSource, openNext: OpenNext): ByteSource => {
  const { sizeBytes, cost } = first
  /** The source in use; replaced once for all readers that saw it fail. */
  let current: Promise<ByteSource> = Promise.resolve(first)
  let open: ByteSource | undefined = first
  const opened = new Set<ByteSource>([first])
  const causes: unknown[] = []
  let closing: Promise<void> | undefined

  const replace = async (failed: ByteSource): Promise<ByteSource> => {
    // readers that are still in the old one finish; it is closed with the piece
    open = undefined
    const next = await openNext(causes, {})
    if (next === undefined) {
      throw new PieceLoaderError('PIECE_NO_SOURCE', `no source of the piece is left; piece=${piece}`, piece, { cause: new AggregateError([...causes], 'every source failed') })
    }
    if (next.sizeBytes !== failed.sizeBytes) {
      causes.push(new IoError('IO_SOURCE_CHANGED', `another size of the same piece; want=${failed.sizeBytes} got=${next.sizeBytes}`))
      await next.close()
      return replace(failed)
    }
    if (closing !== undefined) {
      await next.close()
      throw new IoError('IO_CLOSED', 'source is closed')
    }
    opened.add(next)
    open = next
    return next
  }

  const read = async (at: number, length: number, options: CallOptions = {}): Promise<Uint8Array> => {
    for (;;) {
      if (closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
      const asked = current
      const source = await asked
      try {
        return await source.read(at, length, options)
      } catch (error) {
        options.signal?.throwIfAborted()
        if (!isLost(error) || closing !== undefined) throw error
        if (current !== asked) continue
        causes.push(error)
        current = replace(source)
        current.catch(() => {}) // every reader sees it at its own await
      }
    }
  }

  const close = (): Promise<void> => {
    closing ??= (async () => {
      await current.catch(() => {}) // a replacement under way must not be forgotten
      await Promise.all([...opened].map((source) => source.close()))
    })()
    return closing
  }

  return {
    sizeBytes,
    cost,
    identity: { kind: 'content', cid: piece, sizeBytes },
    read,
    peek: (at, length) => {
      if (closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
      return open?.peek(at, length)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
