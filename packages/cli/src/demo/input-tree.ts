/** The files of an input, as they are imported and compared. */
import type { TreeDirectory, TreeEntry } from '@dagstore/io'
import { openTree } from '@dagstore/io/node'
import type { DemoInput } from './input.ts'

/** Of a directory without the folder of the store, if that lies in it. */
export const openInputTree = async ({ absolutePath, leftOut }: DemoInput): Promise<TreeEntry> => {
  const tree = await openTree(absolutePath)
  return leftOut === undefined || tree.kind !== 'directory' ? tree : without(tree, leftOut)
}

const without = (folder: TreeDirectory, [name, ...rest]: readonly string[]): TreeDirectory => ({
  ...folder,
  entries: async function * (options) {
    for await (const entry of folder.entries(options)) {
      if (entry.name !== name) yield entry
      else if (rest.length > 0 && entry.kind === 'directory') yield without(entry, rest)
    }
  },
})
