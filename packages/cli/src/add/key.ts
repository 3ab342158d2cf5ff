/** The key of a file that is added: its name, or something that its content says. */
import { createHash } from 'node:crypto'
import { readLayout } from '@dagstore/carv2'
import { type ByteProgress, readChunks } from '@dagstore/io'
import { openFileSource } from '@dagstore/io/node'
import { CommandError } from '../failure.ts'
import { hashThreads } from '../hash-threads.ts'

export const KEY_KINDS = ['name', 'root', 'piece', 'sha256'] as const
export type KeyKind = (typeof KEY_KINDS)[number]

export interface KeyOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: ByteProgress) => void
}

/**
 * `name`: relative to the folder that was named, or the last part of a file's. `root`: its only root. `piece`: the CID
 * (v1) of the piece that its CARv1 payload makes. `sha256`: of all its bytes, in hex, as of `sha256sum`.
 *
 * @throws {CommandError} `COMMAND_REFUSED`: `root` of a file without a root, or with several
 * @throws {CarV2Error} `root`, `piece`: the file is no CAR. `IO_*`
 */
export const keyOf = async (kind: KeyKind, { path, name }: { readonly path: string, readonly name: string }, { signal, onProgress }: KeyOptions): Promise<string> => {
  if (kind === 'name') return name
  const source = await openFileSource(path, { label: name, signal })
  try {
    if (kind === 'sha256') {
      const hash = createHash('sha256')
      let doneBytes = 0
      for await (const chunk of readChunks(source, 0, source.sizeBytes, { signal })) {
        hash.update(chunk)
        onProgress({ doneBytes: doneBytes += chunk.byteLength, totalBytes: source.sizeBytes })
      }
      return hash.digest('hex')
    }
    const layout = await readLayout(source, { badIndex: 'report', signal })
    if (kind === 'root') {
      const [root, ...more] = layout.roots
      if (root === undefined || more.length > 0) throw new CommandError('COMMAND_REFUSED', `has ${root === undefined ? 'no root' : `${more.length + 1} roots`}, so it needs another --key (name, piece, sha256)`)
      return root.toString()
    }
    const { commpOf } = await import('@dagstore/piece/node') // loaded when needed
    const { payloadStart, payloadBytes } = layout
    const { cidV1 } = await commpOf(readChunks(source, payloadStart, payloadStart + payloadBytes, { signal }), {
      signal, workers: hashThreads(), onProgress: ({ doneBytes }) => { onProgress({ doneBytes, totalBytes: payloadBytes }) },
    })
    return cidV1.toString()
  } finally {
    await source.close()
  }
}
