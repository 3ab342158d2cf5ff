/** What every store here does with blocks that come and go. */
import { scanStream } from '@dagstore/carv2'
import { type CallOptions, joinBytes } from '@dagstore/io'
import { BlockNotFoundError, type Gate } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import { CID } from 'multiformats/cid'

type BlockInput = Parameters<Blockstore['put']>[1]

/** The bytes of a block in whichever form it was put; of memory that the caller may go on using. */
export const wholeInput = async (input: BlockInput, signal: AbortSignal | undefined): Promise<Uint8Array> => {
  if (input instanceof Uint8Array) return input
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of input) {
    signal?.throwIfAborted()
    chunks.push(chunk)
    length += chunk.byteLength
  }
  return joinBytes(chunks, length)
}

/** Absence as ours and js-stores tell it. */
export const isNotFound = (error: unknown): error is Error =>
  error instanceof BlockNotFoundError || (error instanceof Error && (error.name === 'NotFoundError' || ('code' in error && error.code === 'BLOCKSTORE_NOT_FOUND')))

/** Puts the blocks of a CAR one after the other; the roots in its header. */
export const putCar = async (car: AsyncIterable<Uint8Array>, put: (cid: CID, bytes: Uint8Array) => Promise<unknown>, { signal }: CallOptions): Promise<readonly CID[]> => {
  const { layout, sections } = await scanStream(car, { data: true, signal })
  for await (const { cid, data } of sections) {
    signal?.throwIfAborted()
    if (data !== undefined) await put(CID.decode(cid), data)
  }
  return layout.roots
}

/** The same values; a store that closes waits for the one that is asked for, and refuses the next. */
export const guarded = async function * <T>(gate: Gate, values: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    for (;;) {
      const { done, value } = await gate.pass(() => values.next())
      if (done === true) return
      yield value
    }
  } finally {
    await values.return(undefined)
  }
}
