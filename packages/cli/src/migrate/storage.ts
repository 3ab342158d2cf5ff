/** Storage folders that `migrate` is told of: looked at first, and kept in the configuration of the store, since shards are read there. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { aboutFile } from '../commands/files.ts'
import { CONFIG_FILE } from '../config/file-name.ts'
import { writePrivateFile } from '../private-file.ts'
import type { RootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'

/** @returns absolute paths @throws {CommandError} `COMMAND_REFUSED`: no storage path, `storage.json` or repository */
export const readStorage = async (paths: readonly string[], { cwd }: Terminal): Promise<readonly string[]> => {
  const { readStorageFolders } = await import('@dagstore/lotus-mount/node') // loaded when needed
  const found: string[] = []
  for (const label of new Set(paths)) {
    const path = resolve(cwd, label)
    await aboutFile(label, () => readStorageFolders(path), path)
    found.push(path)
  }
  return found
}

/** Makes the configuration where there is none; one that is there is its owner's, who is told what it wants. */
export const keepStorage = async (paths: readonly string[], root: RootFolder, terminal: Terminal): Promise<void> => {
  if (paths.length === 0) return
  const file = join(root.path, CONFIG_FILE)
  const label = join(root.label, CONFIG_FILE)
  const line = `Storage = [${paths.map((path) => JSON.stringify(path)).join(', ')}]`
  if (!existsSync(file)) {
    await writePrivateFile(file, `# Where the sectors of the migrated deals are.\n[Pieces]\n${line}\n`)
    terminal.stderr(`wrote ${printable(label)}: ${printable(line)}\n`)
    return
  }
  const { configOfRoot } = await import('../config/effective.ts') // loaded when needed
  const known = new Set(configOfRoot(root).storage)
  if (paths.some((path) => !known.has(path))) terminal.stderr(`for shards to be read, ${printable(label)} wants under [Pieces]: ${printable(line)}\n`)
}
