/** What stands under a name as the bytes of a shard: a whole copy, or a file that was given. */
import { type ByteSource, compareIdentity, createWindow, IoError, type SourceIdentity } from '@dagstore/io'
import { openAdopted, readAdoption } from './adoption.ts'
import { readTrailer } from './copy-trailer.ts'
import { nameWith } from './transient-name.ts'
import type { TransientEntry } from './transient-table.ts'
import type { TransientsOptions } from './transients.ts'

export interface Copy {
  readonly source: ByteSource
  /** Of what it was copied from; of a given file nobody knows. */
  readonly identity: SourceIdentity | undefined
  readonly given: boolean
}

type Places = Pick<TransientsOptions, 'directory' | 'localFiles'>

/** `undefined`: there is none, or what has its name is none. */
export const openCopy = async ({ base, files }: TransientEntry, places: Places, signal: AbortSignal | undefined): Promise<Copy | undefined> => {
  const { directory, localFiles } = places
  // a copy is there beside a given file only where that was of no use
  const whole = await openWhole(base, places, signal)
  if (whole !== undefined || !files.has('adoption')) return whole
  const adoption = await readAdoption(directory, nameWith(base, 'adoption'), { signal })
  const given = adoption === undefined ? undefined : await openAdopted(adoption, nameWith(base, 'adopted'), directory, localFiles, { signal })
  return given === undefined ? undefined : { source: createWindow(given, 0, given.sizeBytes, { identity: given.identity, owns: true }), identity: undefined, given: true }
}

const openWhole = async (base: string, { directory }: Places, signal: AbortSignal | undefined): Promise<Copy | undefined> => {
  const name = nameWith(base, 'transient')
  if ((await directory.stat(name))?.kind !== 'file') return undefined
  let file: ByteSource
  try {
    file = await directory.openSource(name, { signal })
  } catch (error) {
    if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return undefined // given up meanwhile
    throw error
  }
  try {
    const trailer = await readTrailer(file, { signal })
    if (trailer !== undefined) {
      const { payloadBytes, identity } = trailer
      return { source: createWindow(file, 0, payloadBytes, { ...(identity === undefined ? {} : { identity }), owns: true }), identity, given: false }
    }
  } catch (error) {
    await file.close()
    throw error
  }
  await file.close()
  return undefined
}

/** Whether nothing says that it is of other bytes than a mount has now. */
export const isCopyOf = ({ source, identity: copied }: Copy, identity: SourceIdentity | undefined, announced: number | undefined): boolean => {
  if (copied !== undefined && identity !== undefined) return compareIdentity(copied, identity) !== 'different'
  return announced === undefined || announced === source.sizeBytes
}
