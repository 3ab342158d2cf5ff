/** Where extracted files go. */
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'
import type { Terminal } from '../terminal.ts'

export interface ExtractTarget {
  /** @param passing - only one entry of it is wanted */
  directory(names: readonly string[], passing: boolean): Promise<void>
  /** The name of what was written, where it has one. */
  file(cid: CID, names: readonly string[]): Promise<string | undefined>
  link(target: string, names: readonly string[]): Promise<string | undefined>
}

/** One file at least; directories have no bytes. */
export const openStdoutTarget = (store: Pick<ReadBlockstore, 'get'>, terminal: Terminal, onBytes: (done: number) => void): ExtractTarget => ({
  directory: async (_names, passing) => {
    if (!passing) throw new CommandError('COMMAND_REFUSED', 'cannot extract a directory to stdout, use a path to extract a specific file')
  },
  file: async (cid) => {
    for await (const chunk of fileContent(store, cid, terminal.signal, onBytes)) {
      terminal.stdout(chunk)
      await terminal.drained?.()
    }
    return undefined
  },
  link: async () => { throw new CommandError('COMMAND_REFUSED', 'cannot extract a symlink to stdout') },
})

/** Asked for at a time: the exporter reads ahead without limit inside what it was asked for. */
const SLICE_BYTES = 16 << 20

/** The bytes of a UnixFS file or of a raw block. @throws {CommandError} `COMMAND_REFUSED`: no file; the store's errors */
export const fileContent = async function * (store: Pick<ReadBlockstore, 'get'>, cid: CID, signal: AbortSignal, onBytes: (done: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
  const { exporter } = await import('ipfs-unixfs-exporter') // loaded when needed
  // the signal is looked at here: the exporter would add a listener for every block
  const entry = await exporter(cid, store)
  if (entry.type === 'directory' || entry.type === 'object') throw new CommandError('COMMAND_REFUSED', `not a file: ${cid.toString()}`)
  const size = Number(entry.size)
  let done = 0
  for (let offset = 0; offset < size; offset += SLICE_BYTES) {
    for await (const chunk of entry.content({ offset, length: Math.min(SLICE_BYTES, size - offset) })) {
      if (chunk.byteLength === 0) continue
      signal.throwIfAborted()
      yield chunk
      onBytes(done += chunk.byteLength)
    }
  }
}
