/**
 * How far a copy is that has begun: one JSON document in a file of its own, written whole.
 *
 *     { "dagcopy-progress": 1, "key", "generation", "identity", "syncedBytes" }
 *
 * Nothing of the copy behind `syncedBytes` is believed.
 */
import type { CallOptions, Directory, SourceIdentity } from '@dagstore/io'
import type { CopyOwner } from './copy-trailer.ts'
import { bigintsAsText, countIn, fieldsOf, parseIdentity, textIn } from './identity-json.ts'
import { readJson } from './read-json.ts'

export interface CopyProgress extends CopyOwner {
  readonly identity: SourceIdentity | undefined
  /** On disk for good, and of the source that has this identity. */
  readonly syncedBytes: number
}

const VERSION = 'dagcopy-progress'

/** Durable on return. */
export const writeProgress = async (directory: Directory, name: string, { key, generation, identity, syncedBytes }: CopyProgress): Promise<void> => {
  const json = JSON.stringify({ [VERSION]: 1, key, generation, identity: identity ?? null, syncedBytes }, bigintsAsText)
  await directory.writeAtomic(name, [new TextEncoder().encode(`${json}\n`)])
}

/** `undefined`: there is none, or not what is written here. */
export const readProgress = async (directory: Directory, name: string, options: CallOptions = {}): Promise<CopyProgress | undefined> => {
  const fields = fieldsOf(await readJson(directory, name, options))
  if (fields.get(VERSION) !== 1) return undefined
  try {
    return {
      key: textIn(fields, 'key'),
      generation: countIn(fields, 'generation'),
      identity: parseIdentity(fields.get('identity')),
      syncedBytes: countIn(fields, 'syncedBytes'),
    }
  } catch {
    return undefined
  }
}
