/** Time and chance come in through ports, so that tests own them. */
import { lineAt, scanSource } from './scanner.ts'
import type { Package, Violation } from './workspace.ts'

const AMBIENT = /(?<![.\w$])(?:(?:globalThis\s*\.\s*)?(?:Date\s*\.\s*now|Math\s*\.\s*random|performance\s*\.\s*now|AbortSignal\s*\.\s*timeout|setTimeout|setInterval)(?![\w$])|new\s+Date(?:\s*\(\s*\)|(?!\s*[\w$(.]))|crypto\s*\.\s*(?:getRandomValues|randomUUID)(?![\w$]))/g
/** The ports themselves, and the command, which is their user of last resort. */
const ALLOWED: readonly RegExp[] = [/^packages\/io\/src\/(?:clock|random)\.ts$/, /^packages\/cli\//]

export const checkAmbient = (packages: readonly Package[]): readonly Violation[] => packages.flatMap((pkg) => pkg.files
  .filter(({ path }) => path.startsWith('src/') && !ALLOWED.some((allowed) => allowed.test(`${pkg.folder}/${path}`)))
  .flatMap((file) => [...scanSource(file.text).code.matchAll(AMBIENT)].map((match) =>
    `${pkg.folder}/${file.path}:${lineAt(file.text, match.index)}: uses ${match[0].replaceAll(/\s+/g, ' ')}; take a Clock or Random of @dagstore/io as an option`)))
