import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { budgetFor, overBudget, readBudgets, sizeSentence, withSize } from '../src/budgets.mjs'
import { ROOT } from '../src/workspace.mjs'

const measured = { packages: 5, kib: 1000, native: ['classic-level'], bundles: { '@dagstore/a': { min: 4000, gzip: 2000 } } }
const budget = budgetFor(measured)

describe('overBudget', () => {
  it('is content with what the budget was made from, and with a little more', () => {
    expect(overBudget(measured, budget)).toEqual([])
    expect(overBudget({ ...measured, kib: 1040 }, budget)).toEqual([])
  })

  it.each([
    { why: 'one more package', now: { ...measured, packages: 6 }, says: /6 packages; budget 5/ },
    { why: 'a tenth more bytes', now: { ...measured, kib: 1100 }, says: /1100 KiB; budget 1050 KiB/ },
    { why: 'another native module', now: { ...measured, native: ['classic-level', 'lmdb'] }, says: /native code: lmdb; budget classic-level/ },
    { why: 'a bundle that grew', now: { ...measured, bundles: { '@dagstore/a': { min: 9000, gzip: 5000 } } }, says: /bundles to 4.9 KiB gzipped; budget 3 KiB/ },
    { why: 'a bundle without a budget', now: { ...measured, bundles: { '@dagstore/b': { min: 1, gzip: 1 } } }, says: /@dagstore\/b has no bundle budget/ },
  ])('reports $why', ({ now, says }) => {
    expect(overBudget(now, budget)).toEqual([expect.stringMatching(says)])
  })

  it('reports a package without a budget', () => {
    expect(overBudget(measured, undefined)).toEqual([expect.stringMatching(/no budget/)])
  })
})

describe('the size in a README', () => {
  const readme = '# a\n\nRuns in: Node.\n'

  it('stands behind what it runs in, and is replaced there', () => {
    const once = withSize(readme, budget)
    expect(once).toBe('# a\n\nRuns in: Node. Installs 5 packages, 1.1 MB at most.\n')
    expect(withSize(once, { ...budget, packages: 1, kib: 200 })).toBe('# a\n\nRuns in: Node. Installs no other package, 0.2 MB at most.\n')
  })

  it.each(Object.entries(readBudgets(join(ROOT, 'tooling', 'release', 'budgets.json'))))('of %s is that of its budget', (name, its) => {
    const path = join(ROOT, 'packages', name.replace('@dagstore/', ''), 'README.md')
    expect(existsSync(path)).toBe(true)
    expect(readFileSync(path, 'utf8')).toContain(sizeSentence(its))
  })
})
