import { describe, expect, it } from 'vitest'
import { createFakeClock } from '../src/index.ts'

describe('createFakeClock', () => {
  it('wakes sleeps in the order of their ends, those started on the way too', async () => {
    const clock = createFakeClock()
    const woken: string[] = []
    const start = clock.now()
    void clock.sleep(20).then(() => woken.push(`b@${clock.now() - start}`))
    void clock.sleep(10).then(async () => {
      woken.push(`a@${clock.now() - start}`)
      await clock.sleep(5)
      woken.push(`c@${clock.now() - start}`)
    })
    await clock.advance(30)
    expect(woken).toEqual(['a@10', 'c@15', 'b@20'])
    expect(clock.sleeping).toBe(0)
  })

  it('rejects an aborted sleep with the reason and forgets it', async () => {
    const clock = createFakeClock()
    const reason = new Error('enough')
    const controller = new AbortController()
    const sleep = clock.sleep(10, { signal: controller.signal })
    controller.abort(reason)
    await expect(sleep).rejects.toBe(reason)
    expect(clock.sleeping).toBe(0)
  })
})
