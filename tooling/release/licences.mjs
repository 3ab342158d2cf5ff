/**
 * Copies the licence texts of the repository into the package that is being packed; runs as its `prepack`.
 * The copies are ignored by git: the texts stand once, at the root.
 */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(root, name), name)
