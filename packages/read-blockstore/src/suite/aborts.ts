/** Every method, with a signal that is aborted before the call or on the way. */
import { type Bench, codeOf, outcomeOf } from './bench.ts'
import { METHODS } from './methods.ts'
import type { SuiteBlock } from './subject.ts'

/** How many turns of the microtask queue pass between the start of a call and the abort. */
const TURNS = [0, 1, 2, 5, 20]

export const abortTests = ({ describe, expect, failsWith, test, withStore }: Bench): void => {
  describe('abort', () => {
    for (const method of METHODS) {
      test(`${method.name} rejects with the reason of a signal that is aborted before`, ({ held: [block] }) => withStore([block as SuiteBlock], async (store) => {
        const reason = new Error('enough')
        await failsWith(reason, () => method.call(store, (block as SuiteBlock).cid, { signal: AbortSignal.abort(reason) }))
        // nothing sticks: the next call answers
        expect(await method.call(store, (block as SuiteBlock).cid, { signal: new AbortController().signal })).toBe(method.answer(block as SuiteBlock))
      }), [method.needs])

      test(`${method.name} answers rightly or rejects with the reason when it is aborted on the way`, ({ held: [block] }) => withStore([block as SuiteBlock], async (store) => {
        for (const turns of TURNS) {
          const reason = new Error('enough')
          const controller = new AbortController()
          const outcome = outcomeOf(() => method.call(store, (block as SuiteBlock).cid, { signal: controller.signal }))
          for (let turn = 0; turn < turns; turn++) await Promise.resolve()
          controller.abort(reason)
          const settled = await outcome
          const right = 'value' in settled ? settled.value === method.answer(block as SuiteBlock) : settled.error === reason
          expect(right ? 'right' : 'value' in settled ? settled.value : codeOf(settled.error)).toBe('right')
        }
      }), [method.needs])
    }

    test('getMany stops with the reason at the next block', ({ held }) => withStore(held, async (store) => {
      const reason = new Error('enough')
      const controller = new AbortController()
      const pairs = store.getMany(held.map(({ cid }) => cid), { signal: controller.signal })
      await pairs.next()
      controller.abort(reason)
      await failsWith(reason, () => pairs.next())
    }))

    test('getAll stops with the reason at the next block', ({ held }) => withStore(held, async (store) => {
      const reason = new Error('enough')
      const controller = new AbortController()
      const pairs = store.getAll({ signal: controller.signal })
      await pairs.next()
      controller.abort(reason)
      await failsWith(reason, () => pairs.next())
    }))
  })
}
