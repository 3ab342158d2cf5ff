import { describe, expect, it } from 'vitest'
import { budgetFor, overBudget } from '../src/budgets.mjs'

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
