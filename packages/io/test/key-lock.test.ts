import { describe, expect, it } from 'vitest'
import { createKeyLock } from '../src/index.ts'

/** Work that ends when it is told to. */
const held = (log: string[], name: string): { readonly work: () => Promise<string>, readonly end: () => void } => {
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => { end = resolve })
  return { work: async () => { log.push(name); await ended; return name }, end }
}
const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

describe('a key lock', () => {
  it('lets one at a time work on a key, in the order in which they came, and others on other keys', async () => {
    const log: string[] = []
    const lock = createKeyLock()
    const [first, second, other] = [held(log, 'first'), held(log, 'second'), held(log, 'other')]
    const all = [lock('a', first.work), lock('a', second.work), lock('b', other.work)]
    await settle()
    expect(log).toEqual(['first', 'other'])
    first.end()
    await all[0]
    await settle()
    expect(log).toEqual(['first', 'other', 'second'])
    second.end()
    other.end()
    expect(await Promise.all(all)).toEqual(['first', 'second', 'other'])
  })

  it('goes on behind work that fails, and tells its failure to its caller alone', async () => {
    const lock = createKeyLock()
    const failing = lock('a', async () => { throw new Error('no') })
    const next = lock('a', async () => 'done')
    await expect(failing).rejects.toThrow('no')
    expect(await next).toBe('done')
  })

  it('does not run what has left the queue, and keeps those behind it waiting for those before', async () => {
    const log: string[] = []
    const lock = createKeyLock()
    const first = held(log, 'first')
    const leaving = new AbortController()
    const working = lock('a', first.work)
    const left = lock('a', async () => { log.push('left') }, leaving.signal)
    const behind = lock('a', async () => { log.push('behind') })
    leaving.abort(new Error('away'))
    await expect(left).rejects.toThrow('away')
    await settle()
    expect(log).toEqual(['first'])
    first.end()
    await Promise.all([working, behind])
    expect(log).toEqual(['first', 'behind'])
  })
})
