/** The files of retrievals as a whole: what there is, what is in use, and what is to go. */
import { CarV2Error, readLayout } from '@dagstore/carv2'
import { type CallOptions, type Clock, type Directory, IoError } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

export interface RetrievalFile {
  readonly name: string
  /** The name without `.car`. */
  readonly id: string
  readonly sizeBytes: number
  /** `unfinished`: to be gone on with, or no file of ours. */
  readonly state: 'finished' | 'unfinished'
  /** Of a finished one. */
  readonly roots: readonly CID[] | undefined
  /** Milliseconds since 1970; `undefined` where nobody keeps that. */
  readonly modifiedAt: number | undefined
}

export interface PruneOptions extends CallOptions {
  /** Files that have not been changed for so long go. @default none by their age */
  readonly olderThanMs?: number | undefined
  /** The oldest go until the rest has no more. @default no limit */
  readonly maxBytes?: number | undefined
  /** Which of them stay. @default none */
  readonly keep?: ((file: RetrievalFile) => boolean) | undefined
}

const SUFFIX = '.car'

/** How often files are in use. */
export interface Uses {
  readonly has: (name: string) => boolean
  /** The use; its end is told once or more often. */
  readonly begin: (name: string) => () => void
}

export const createUses = (): Uses => {
  const counts = new Map<string, number>()
  return {
    has: (name) => counts.has(name),
    begin: (name) => {
      counts.set(name, (counts.get(name) ?? 0) + 1)
      let over = false
      return () => {
        if (over) return
        over = true
        const rest = (counts.get(name) ?? 1) - 1
        if (rest === 0) counts.delete(name)
        else counts.set(name, rest)
      }
    },
  }
}

/** In the order of their names. */
export async function * listFiles (directory: Directory, { signal }: CallOptions): AsyncGenerator<RetrievalFile, void, undefined> {
  for (const { name, kind } of await directory.list('')) {
    signal?.throwIfAborted()
    if (kind !== 'file' || !name.endsWith(SUFFIX)) continue
    const stat = await directory.stat(name)
    if (stat === undefined) continue
    const roots = await rootsOf(directory, name, signal)
    yield { name, id: name.slice(0, -SUFFIX.length), sizeBytes: stat.sizeBytes, state: roots === undefined ? 'unfinished' : 'finished', roots, modifiedAt: stat.modifiedAt }
  }
}

const rootsOf = async (directory: Directory, name: string, signal: AbortSignal | undefined): Promise<readonly CID[] | undefined> => {
  try {
    const source = await directory.openSource(name, { signal })
    try {
      return (await readLayout(source, { signal })).roots
    } finally {
      await source.close()
    }
  } catch (error) {
    // gone meanwhile, or no CAR that can be read
    if (error instanceof CarV2Error || (error instanceof IoError && error.code === 'IO_NOT_FOUND')) return undefined
    throw error
  }
}

/** What takes a file away when its turn comes. */
export type RemoveFile = (name: string) => Promise<void>

/** Those in use stay. */
export const pruneFiles = async (directory: Directory, { uses, clock, remove }: { readonly uses: Uses, readonly clock: Clock, readonly remove: RemoveFile }, { olderThanMs = Infinity, maxBytes = Infinity, keep = () => false, signal }: PruneOptions): Promise<readonly RetrievalFile[]> => {
  for (const [name, value] of Object.entries({ olderThanMs, maxBytes })) if (!(value >= 0)) throw new RangeError(`${name}; min=0 got=${value}`)
  const files: RetrievalFile[] = []
  for await (const file of listFiles(directory, { signal })) files.push(file)
  let bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const gone: RetrievalFile[] = []
  const ageOf = ({ modifiedAt }: RetrievalFile): number => (modifiedAt === undefined ? 0 : clock.now() - modifiedAt)
  for (const file of files.sort((a, b) => (a.modifiedAt ?? 0) - (b.modifiedAt ?? 0))) {
    signal?.throwIfAborted()
    if (!(ageOf(file) >= olderThanMs || bytes > maxBytes) || uses.has(file.name) || keep(file)) continue
    await remove(file.name)
    bytes -= file.sizeBytes
    gone.push(file)
  }
  return gone
}
