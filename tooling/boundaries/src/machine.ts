/** State machines are pure: `src/machine/` knows types and itself. */
import { resolveRelative } from './entries.ts'
import { scanImports } from './imports.ts'
import type { Package, Violation } from './workspace.ts'

const MACHINE = 'src/machine/'

export const checkMachines = (packages: readonly Package[]): readonly Violation[] => packages.flatMap((pkg) => pkg.files
  .filter(({ path }) => path.startsWith(MACHINE))
  .flatMap((file) => scanImports(file.text)
    .filter(({ specifier, typeOnly }) => !typeOnly && !(specifier.startsWith('.') && resolveRelative(file.path, specifier).startsWith(MACHINE)))
    .map(({ specifier, line }) => `${pkg.folder}/${file.path}:${line}: a state machine imports "${specifier}" as a value; only types and ${MACHINE} are allowed`)))
