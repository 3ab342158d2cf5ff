/** Every method on a store that is being closed, and on one that is closed. */
import { type Bench, codeOf, outcomeOf } from './bench.ts'
import { METHODS } from './methods.ts'
import type { SuiteBlock, SuiteStore } from './subject.ts'

const close = async (store: SuiteStore): Promise<void> => {
  if (store[Symbol.asyncDispose] === undefined) throw new Error('the store cannot be closed; say lacks: { close: \'why\' } or add Symbol.asyncDispose')
  await store[Symbol.asyncDispose]?.()
}

export const lifecycleTests = ({ describe, expect, fails, test, withStore }: Bench): void => {
  describe('closed', () => {
    for (const method of METHODS) {
      test(`${method.name} rejects`, ({ held: [block] }) => withStore([block as SuiteBlock], async (store) => {
        await close(store)
        await fails('BLOCKSTORE_CLOSED', () => method.call(store, (block as SuiteBlock).cid))
      }), ['close', method.needs])

      test(`${method.name} answers rightly or rejects when the store is closed on the way`, ({ held: [block] }) => withStore([block as SuiteBlock], async (store) => {
        const outcome = outcomeOf(() => method.call(store, (block as SuiteBlock).cid))
        await close(store)
        const settled = await outcome
        const right = 'value' in settled ? settled.value === method.answer(block as SuiteBlock) : codeOf(settled.error) === 'BLOCKSTORE_CLOSED'
        expect(right ? 'right' : 'value' in settled ? settled.value : codeOf(settled.error)).toBe('right')
      }), ['close', method.needs])
    }

    test('iterations that began as calls before reject on first iteration', ({ held }) => withStore(held, async (store) => {
      const [{ cid }] = held as [SuiteBlock]
      const begun = [store.get(cid), store.getMany([cid]), store.getAll()]
      await close(store)
      for (const iteration of begun) await fails('BLOCKSTORE_CLOSED', () => iteration.next())
    }), ['close'])

    test('closing twice, also at once, is closing once', ({ held }) => withStore(held, async (store) => {
      await Promise.all([close(store), close(store)])
      await close(store)
    }), ['close'])
  })
}
