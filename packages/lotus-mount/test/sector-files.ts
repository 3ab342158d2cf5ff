/** Sector files in memory that their owner goes on changing. */
import { createBytesSource, IoError } from '@dagstore/io'
import { type SectorFile, type OpenSectorFile } from '../src/index.ts'

export interface SectorShelf {
  readonly openSectorFile: OpenSectorFile
  /** By 'miner-sector'. */
  readonly files: Map<string, Uint8Array>
  /** Give the sector new bytes: in the same file, or in another one under its name. */
  write(name: string, bytes: Uint8Array, file?: 'same' | 'other'): void
  /** Called at each step of a read or opening: what the owner does just then. */
  onStep: ((step: 'open' | 'read' | 'state') => void) | undefined
  /** Thrown by opening. */
  broken: unknown
  openNow: number
  opens: number
  closes: number
}

/** @param watches - whether files can say that they were changed */
export const createShelf = (watches = true): SectorShelf => {
  const versions = new Map<string, { version: bigint, inode: bigint }>()
  const versionOf = (name: string): { version: bigint, inode: bigint } => versions.get(name) ?? { version: 0n, inode: BigInt([...shelf.files.keys()].indexOf(name)) * 1000n }
  const shelf: SectorShelf = {
    files: new Map(),
    onStep: undefined,
    broken: undefined,
    openNow: 0,
    opens: 0,
    closes: 0,
    write: (name, bytes, file = 'same') => {
      const { version, inode } = versionOf(name)
      versions.set(name, { version: version + 1n, inode: file === 'same' ? inode : inode + 1n })
      shelf.files.set(name, bytes)
    },
    openSectorFile: async (miner, sector, { signal } = {}) => {
      shelf.onStep?.('open')
      signal?.throwIfAborted()
      if (shelf.broken !== undefined) throw shelf.broken
      const name = `${miner}-${sector}`
      const bytes = shelf.files.get(name)
      if (bytes === undefined) return undefined
      shelf.opens++
      shelf.openNow++
      const { version, inode } = versionOf(name)
      const inner = createBytesSource(bytes)
      let closed = false
      const close = async (): Promise<void> => {
        shelf.closes++
        if (!closed) shelf.openNow--
        closed = true
      }
      const file: SectorFile = {
        sizeBytes: bytes.byteLength,
        identity: { kind: 'file', sizeBytes: bytes.byteLength, mtimeNs: version, inode },
        cost: { kind: 'local', seekBytes: 4096 },
        read: async (at, length, call) => {
          call?.signal?.throwIfAborted()
          shelf.onStep?.('read')
          if (closed) throw new IoError('IO_CLOSED', 'closed')
          // the same file shows what is in it now, another one what it was opened with
          const now = shelf.files.get(name)
          return now !== undefined && versionOf(name).inode === inode ? now.slice(at, at + length) : inner.read(at, length, call)
        },
        peek: (at, length) => inner.peek(at, length),
        ...(watches
          ? {
              state: async () => {
                shelf.onStep?.('state')
                if (!shelf.files.has(name)) return 'gone' as const
                const now = versionOf(name)
                return now.version === version && now.inode === inode ? 'same' as const : 'changed' as const
              },
            }
          : {}),
        close,
        [Symbol.asyncDispose]: close,
      }
      return file
    },
  }
  return shelf
}
