/** A folder without some of what is in it. */
import type { TreeDirectory } from '@dagstore/io'

/** @param leftOut - names below the folder, `/` between parts */
export const without = (folder: TreeDirectory, leftOut: ReadonlySet<string>, prefix = ''): TreeDirectory => leftOut.size === 0
  ? folder
  : {
      ...folder,
      entries: async function * (options) {
        for await (const entry of folder.entries(options)) {
          const path = `${prefix}${entry.name}`
          if (!leftOut.has(path)) yield entry.kind === 'directory' ? without(entry, leftOut, `${path}/`) : entry
        }
      },
    }
