import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openFileSource } from '../src/node.ts'
import { Descriptor, openDescriptor } from '../src/node/descriptor.ts'
import { ReadQueue } from '../src/node/read-queue.ts'
import { descriptorsIn, replacingFs, systemError, temporaryFolders } from './temporary-folder.ts'

const folder = temporaryFolders()
const replace = replacingFs()
const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff)

interface Call { readonly fd: number, readonly at: number, readonly length: number, readonly go: () => void, readonly fail: (error: Error) => void }

/** Every read of the system waits until it is let go. */
const heldReads = (): Call[] => {
  const calls: Call[] = []
  replace('read', (real) => (...args: Parameters<typeof real>) => {
    const [fd, , , length, at, done] = args as unknown as [number, unknown, unknown, number, number, (error: Error) => void]
    calls.push({ fd, at, length, go: () => { (real as (...args: unknown[]) => void)(...args) }, fail: (error) => { done(error) } })
  })
  return calls
}
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })
/** Let everything go until the work is done, or has failed. */
const release = async (calls: Call[], work: Promise<unknown>): Promise<void> => {
  let done = false
  const ended = work.catch(() => {}).then(() => { done = true })
  while (!done) {
    for (const call of calls.splice(0)) call.go()
    await turn()
  }
  await ended
}
const openFile = async (reads: ReadQueue, name: string, content: Uint8Array = bytes): Promise<Descriptor> => {
  const path = join(folder(), name)
  writeFileSync(path, content)
  return (await openDescriptor(path, name, 0, { reads })).file
}

describe('ReadQueue', () => {
  it('begins the first reads at once, and no more than its limit', async () => {
    const calls = heldReads()
    const file = await openFile(new ReadQueue(6), 'a')
    const reads = Array.from({ length: 40 }, (_, i) => file.read(i * 5000, 100))
    expect(calls).toHaveLength(4)
    await turn()
    expect(calls).toHaveLength(6)
    await release(calls, Promise.all(reads))
    for (const [i, part] of (await Promise.all(reads)).entries()) expect(part).toEqual(bytes.slice(i * 5000, i * 5000 + 100))
    await file.close()
  })

  it('lets files take turns: one read of a file does not wait for a hundred of another', async () => {
    const calls = heldReads()
    const queue = new ReadQueue(2)
    const [busy, quiet] = [await openFile(queue, 'busy'), await openFile(queue, 'quiet')]
    const order: string[] = []
    const many = Array.from({ length: 100 }, (_, i) => busy.read(((i * 37) % 100) * 3000, 10).then(() => order.push('busy')))
    const one = quiet.read(0, 10).then(() => order.push('quiet'))
    await release(calls, Promise.all([...many, one]))
    expect(order.indexOf('quiet')).toBeLessThan(8)
    await Promise.all([busy.close(), quiet.close()])
  })

  it('joins reads of one file that follow each other closely, and gives each its own memory', async () => {
    const calls = heldReads()
    const file = await openFile(new ReadQueue(64), 'a')
    const others = [0, 1, 2, 3].map((i) => file.read(250_000 + i * 9000, 10))
    const near = Array.from({ length: 30 }, (_, i) => file.read(1000 + i * 1100, 1000))
    const far = file.read(200_000, 50)
    await turn()
    expect(calls.slice(4).map(({ at, length }) => [at, length])).toEqual([[1000, 29 * 1100 + 1000], [200_000, 50]])
    await release(calls, Promise.all([...near, ...others, far]))
    for (const [i, part] of (await Promise.all(near)).entries()) {
      expect(part).toEqual(bytes.slice(1000 + i * 1100, 2000 + i * 1100))
      expect(part.buffer.byteLength).toBe(1000)
    }
    await file.close()
  })

  it('does not join what is far apart, goes back, or would be long', async () => {
    const calls = heldReads()
    const file = await openFile(new ReadQueue(64), 'a')
    const spans = [[0, 10], [5000, 10], [4000, 10], [4005, 10], [100_000, 70_000], [170_000, 70_000]] as const
    const reads = [...Array.from({ length: 4 }, () => file.read(0, 1)), ...spans.map(([at, length]) => file.read(at, length))]
    await turn()
    expect(calls.slice(4).map(({ at, length }) => [at, length])).toEqual(spans.map((span) => [...span]))
    await release(calls, Promise.all(reads))
    await file.close()
  })

  it('makes each read alone when the joined one fails: one bad place fails one read', async () => {
    replace('read', (real) => (...args: Parameters<typeof real>) => {
      const [, , , length, at, done] = args as unknown as [unknown, unknown, unknown, number, number, (error: Error) => void]
      if (at <= 7005 && 7005 < at + length) setImmediate(done, systemError('EIO'))
      else (real as (...args: unknown[]) => void)(...args)
    })
    const file = await openFile(new ReadQueue(64), 'a')
    const reads = Array.from({ length: 12 }, (_, i) => file.read(1000 * i, 1000))
    const outcomes = await Promise.allSettled(reads)
    expect(outcomes.map(({ status }, i) => [i, status])).toEqual(Array.from({ length: 12 }, (_, i) => [i, i === 7 ? 'rejected' : 'fulfilled']))
    await file.close()
  })

  it('keeps its limit, and lets files take turns, where a joined read failed and each is made alone', async () => {
    let underWay = 0
    let most = 0
    const order: string[] = []
    replace('read', (real) => (...args: Parameters<typeof real>) => {
      const [, , , length, , done] = args as unknown as [unknown, unknown, unknown, number, unknown, (...given: unknown[]) => void]
      most = Math.max(most, ++underWay)
      const end = (...given: unknown[]): void => {
        underWay--
        done(...given)
      }
      if (length > 1000) setImmediate(end, systemError('EIO'))
      else (real as (...args: unknown[]) => void)(...args.slice(0, 5), end)
    })
    const queue = new ReadQueue(2)
    const [broken, other] = [await openFile(queue, 'broken'), await openFile(queue, 'other')]
    const first = [broken.read(100_000, 1), broken.read(200_000, 1)]
    const reads = Array.from({ length: 30 }, (_, i) => broken.read(1000 * i, 1000).then((part) => {
      order.push('broken')
      expect(part).toEqual(bytes.slice(1000 * i, 1000 * i + 1000))
    }))
    const one = other.read(0, 10).then(() => order.push('other'))
    await Promise.all([...first, ...reads, one])
    expect(most).toBe(2)
    expect(order.indexOf('other')).toBeLessThan(8)
    await Promise.all([broken.close(), other.close()])
  })

  it('gives up, of reads that wait again after a joined read failed, those whose callers withdrew', async () => {
    const calls = heldReads()
    const queue = new ReadQueue(1)
    const file = await openFile(queue, 'a')
    const controller = new AbortController()
    const first = file.read(200_000, 1)
    const reads = Array.from({ length: 3 }, (_, i) => new Promise<unknown>((resolve) => {
      file.fetch(1000 * i, 1000, (error, part) => { resolve(part?.byteLength ?? error) }, i === 1 ? controller.signal : undefined)
    }))
    calls.shift()!.go()
    await first
    while (calls.length === 0) await turn()
    expect(calls.map(({ at, length }) => [at, length])).toEqual([[0, 3000]])
    calls.shift()!.fail(systemError('EIO'))
    controller.abort('enough')
    await release(calls, Promise.all(reads))
    expect(await Promise.all(reads)).toEqual([1000, 'enough', 1000])
    await file.close()
  })

  it('gives what there is at the end of a file that became shorter, joined or not', async () => {
    const file = await openFile(new ReadQueue(64), 'short', bytes.slice(0, 2500))
    const parts = await Promise.all(Array.from({ length: 12 }, (_, i) => file.read(i * 400, 400)))
    expect(parts.map(({ byteLength }) => byteLength)).toEqual([400, 400, 400, 400, 400, 400, 100, 0, 0, 0, 0, 0])
    await file.close()
  })

  it('never begins a read that was given up while it waited, and closes without it', async () => {
    const calls = heldReads()
    const path = join(folder(), 'a')
    writeFileSync(path, bytes)
    const file = await openFileSource(path)
    const reason = new Error('enough')
    const controller = new AbortController()
    const begun = Array.from({ length: 4 }, (_, i) => file.read(i * 9000, 10))
    const waiting = Array.from({ length: 10 }, (_, i) => file.read(100_000 + i * 9000, 10, { signal: controller.signal }))
    const outcomes = Promise.allSettled(waiting)
    controller.abort(reason)
    for (const outcome of await outcomes) expect(outcome).toEqual({ status: 'rejected', reason })
    await turn()
    expect(calls.map(({ at }) => at)).toEqual([0, 9000, 18_000, 27_000])
    await release(calls, Promise.all([...begun, file.close()]))
    expect(descriptorsIn(path) ?? 0).toBe(0)
  })

  it('ends a read under way for a caller who gives it up, and closes after the system has let go', async () => {
    const calls = heldReads()
    const path = join(folder(), 'a')
    writeFileSync(path, bytes)
    const file = await openFileSource(path)
    const controller = new AbortController()
    const read = file.read(0, 10, { signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(read).rejects.toBe(reason)
    let closed = false
    const closing = file.close().then(() => { closed = true })
    await turn()
    expect(closed).toBe(false)
    await release(calls, closing)
    expect(descriptorsIn(path) ?? 0).toBe(0)
  })
})

describe('readThen', () => {
  it('gives what read gives, later, to a callback', async () => {
    const path = join(folder(), 'a')
    writeFileSync(path, bytes)
    const file = await openFileSource(path)
    const read = (at: number, length: number): Promise<unknown> => new Promise((resolve) => {
      let returned = false
      file.readThen(at, length, (error, part) => { resolve(returned ? part ?? error : 'too early') })
      returned = true
    })
    expect(await read(10, 20)).toEqual(bytes.slice(10, 30))
    expect(await read(10, 0)).toEqual(new Uint8Array(0))
    replace('read', () => (...args: unknown[]) => { setImmediate(args.at(-1) as (error: Error) => void, systemError('EIO')) })
    expect(await read(10, 20)).toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later', offset: 10 })
    expect(() => file.readThen(299_999, 2, () => {})).toThrow(expect.objectContaining({ code: 'IO_OUT_OF_RANGE' }) as Error)
    await file.close()
    expect(() => file.readThen(0, 1, () => {})).toThrow(expect.objectContaining({ code: 'IO_CLOSED' }) as Error)
  })
})
