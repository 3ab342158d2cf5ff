/** Random reads from one mount, without keeping the copies of others in mind. */
import type { ByteSource, Directory } from '@dagstore/io'
import type { Mount } from './mount.ts'
import { openTransients, type OpenTransientOptions } from './transients.ts'

export interface OpenRandomOptions extends OpenTransientOptions {
  /** Where copies of sequential mounts go. Nothing is written for a mount with random access. */
  readonly transients: Directory
}

/** As `open` of {@link openTransients} on a directory without a quota. */
export const openRandom = async (mount: Mount, { transients: directory, ...options }: OpenRandomOptions): Promise<ByteSource> => {
  const transients = await openTransients({ directory })
  try {
    return await transients.open(mount, options)
  } finally {
    await transients.close()
  }
}
