/** What an installation and a bundle may weigh; the figures are committed, so growing is a decision. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Room for small changes, so that the file changes only when something grows by more than a twentieth. */
const roomy = (value, step) => Math.ceil((value * 1.05) / step) * step

/** By package name. @returns {Record<string, { packages: number, kib: number, native: string[], bundles: Record<string, { gzipKib: number }> }>} */
export const readBudgets = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {})

export const writeBudgets = (path, budgets) => writeFileSync(path, `${JSON.stringify(budgets, null, 2)}\n`)

/** The budget that a measured package fits into. */
export const budgetFor = ({ packages, kib, native, bundles }) => ({
  packages,
  kib: roomy(kib, 10),
  native,
  bundles: Object.fromEntries(Object.entries(bundles).map(([specifier, { gzip }]) => [specifier, { gzipKib: roomy(gzip / 1024, 1) }])),
})

/** One line per figure above its budget. */
export const overBudget = (measured, budget) => {
  if (budget === undefined) return ['has no budget; run with --update']
  const problems = []
  if (measured.packages > budget.packages) problems.push(`installs ${measured.packages} packages; budget ${budget.packages}`)
  if (measured.kib > budget.kib) problems.push(`installs ${measured.kib} KiB; budget ${budget.kib} KiB`)
  const native = measured.native.filter((name) => !budget.native.includes(name))
  if (native.length > 0) problems.push(`brings native code: ${native.join(', ')}; budget ${budget.native.join(', ') || 'none'}`)
  for (const [specifier, { gzip }] of Object.entries(measured.bundles)) {
    const allowed = budget.bundles[specifier]?.gzipKib
    if (allowed === undefined) problems.push(`${specifier} has no bundle budget; run with --update`)
    else if (gzip > allowed * 1024) problems.push(`${specifier} bundles to ${(gzip / 1024).toFixed(1)} KiB gzipped; budget ${allowed} KiB`)
  }
  return problems
}

/** What a README says of its package's installation: the figures of the budget, which holds them. */
export const sizeSentence = ({ packages, kib }) => `Installs ${packages === 1 ? 'no other package' : `${packages} packages`}, ${((kib * 1024) / 1e6).toFixed(1)} MB at most.`

const SIZE = /Installs [^\n]*? MB at most\./

/** A README whose line 'Runs in: …' ends with {@link sizeSentence}. */
export const withSize = (readme, budget) => SIZE.test(readme)
  ? readme.replace(SIZE, sizeSentence(budget))
  : readme.replace(/^Runs in: .*$/m, (line) => `${line} ${sizeSentence(budget)}`)
