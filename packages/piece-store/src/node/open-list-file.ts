/** Opens a list of deals that lies in a file. */
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { createListReader } from '../list/list-reader.ts'
import { PieceStoreError } from '../errors.ts'
import type { PieceDealReader } from '../piece-deals.ts'

const CHUNK_BYTES = 256 * 1024

/** The list in that file, NDJSON or CSV; read again by each question. A file that cannot be read is found out then. */
export const openListFile = (path: string): PieceDealReader => createListReader({
  name: basename(path),
  open: async function * ({ signal }) {
    try {
      yield * createReadStream(path, { highWaterMark: CHUNK_BYTES, signal }) as AsyncIterable<Uint8Array>
    } catch (cause) {
      signal?.throwIfAborted()
      throw new PieceStoreError('PIECE_STORE_FAILED', `list cannot be read; name=${basename(path)}`, { cause })
    }
  },
})
