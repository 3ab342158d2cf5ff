/** A file holds one concept, so it stays short. */
import type { Package, Violation } from './workspace.ts'

export const LONGEST_FILE_LINES = 400

export const checkFileLengths = (packages: readonly Package[]): readonly Violation[] => packages.flatMap((pkg) => pkg.files
  .filter(({ path }) => path.startsWith('src/'))
  .map((file) => ({ path: file.path, lines: file.text.trimEnd().split('\n').length }))
  .filter(({ lines }) => lines > LONGEST_FILE_LINES)
  .map(({ path, lines }) => `${pkg.folder}/${path}: ${lines} lines; split it before ${LONGEST_FILE_LINES}`))
