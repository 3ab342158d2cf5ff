/** Every method on a store whose bytes cannot be read, and on one whose bytes are wrong. */
import { type Bench, codeOf, outcomeOf } from './bench.ts'
import { METHODS } from './methods.ts'
import type { SuiteBlock } from './subject.ts'

export const failureTests = ({ describe, expect, fails, subject, test, withStore }: Bench): void => {
  const { openUnreadable, openDamaged } = subject

  describe('unreadable', () => {
    for (const method of METHODS) {
      // these two need no block data
      const mayAnswer = method.name === 'has' || method.name === 'size'
      test(`${method.name} never calls a block absent that it cannot read`, ({ held: [block] }) => withStore([block as SuiteBlock], async (store) => {
        const outcome = await outcomeOf(() => method.call(store, (block as SuiteBlock).cid))
        if (mayAnswer && 'value' in outcome) expect(outcome.value).toBe(method.answer(block as SuiteBlock))
        else expect('value' in outcome ? `an answer: ${String(outcome.value)}` : codeOf(outcome.error)).toBe('BLOCKSTORE_UNREADABLE')
      }, openUnreadable?.bind(subject)), ['unreadable', method.needs])
    }
  })

  describe('damaged', () => {
    for (const method of METHODS.filter(({ name }) => name !== 'has' && name !== 'size')) {
      test(`${method.name} gives no byte of a block that does not hash to its CID`, ({ held: [block] }) => withStore([block as SuiteBlock], async (store) => {
        await fails('BLOCKSTORE_HASH_MISMATCH', () => method.call(store, (block as SuiteBlock).cid))
      }, openDamaged?.bind(subject)), ['verify', method.needs])
    }
  })
}
