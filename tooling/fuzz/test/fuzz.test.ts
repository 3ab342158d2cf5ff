import { describe, expect, it } from 'vitest'
import { runInput } from '../src/engine.mjs'
import { targets } from '../src/targets.mjs'

const INPUTS = 5600
const SEED = 'short'
const each = Math.ceil(INPUTS / targets.length)

describe.each(targets)('$name', (target) => {
  it(`ends each of ${each} inputs of the seed "${SEED}" in a result or an error of ours, within its bounds`, async () => {
    const faults: string[] = []
    let results = 0
    for (let index = 0; index < each; index++) {
      const { outcome, fault } = await runInput(target, SEED, index)
      if (outcome === 'result') results++
      if (fault !== undefined) faults.push(`${SEED}/${index}: ${fault}`)
    }
    expect(faults).toEqual([])
    // neither all refused nor all taken: the damage is of a size that reaches the inside
    expect(results).toBeGreaterThan(each / 200)
    expect(results).toBeLessThan(each)
  })
})
