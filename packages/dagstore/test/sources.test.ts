/** What a lease hands out as a source can do all that the mount's source can. */
import { type ByteSource, canFill, createBytesSource, hasCallbacks, isBlocking } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { Gate } from '../src/gate.ts'
import { gatedSource } from '../src/gated.ts'
import { Spoilage } from '../src/runner/session.ts'
import { codeOf, gate, rejection } from './harness.ts'

const bytes = Uint8Array.from({ length: 100 }, (_, at) => at)

/** A source with every power, whose reads may hang or fail. */
const strong = (before: () => Promise<void> = async () => {}): ByteSource => {
  const plain = createBytesSource(bytes)
  const powers = {
    read: async (at: number, length: number) => { await before(); return plain.read(at, length) },
    readInto: async (at: number, into: Uint8Array) => { await before(); into.set(bytes.subarray(at, at + into.length)); return Math.min(into.length, 100 - at) },
    readThen: (at: number, length: number, done: (error: unknown, got: Uint8Array | undefined) => void) => {
      before().then(() => { done(undefined, bytes.slice(at, at + length)) }, (error: unknown) => { done(error, undefined) })
    },
    readSync: () => 0,
  }
  return { ...plain, ...powers }
}

const readThen = (source: ByteSource, at: number, length: number): Promise<Uint8Array> => new Promise((resolve, reject) => {
  if (!hasCallbacks(source)) return reject(new TypeError('no callbacks'))
  source.readThen(at, length, (error, got) => { if (got === undefined) reject(error); else resolve(got) })
})
const readInto = async (source: ByteSource, at: number, length: number): Promise<Uint8Array> => {
  if (!canFill(source)) throw new TypeError('does not fill')
  const into = new Uint8Array(length)
  return into.subarray(0, await source.readInto(at, into))
}
const read = (source: ByteSource, at: number, length: number): Promise<Uint8Array> => source.read(at, length)

describe('the source of a lease', () => {
  it('fills memory and calls back where the mount\'s does, blocks never, and claims nothing that it cannot do', async () => {
    const whole = gatedSource(new Spoilage().source(strong()), new Gate())
    for (const way of [read, readInto, readThen]) expect(await way(whole, 10, 5)).toEqual(bytes.subarray(10, 15))
    expect(await readInto(whole, 98, 5)).toEqual(bytes.subarray(98))
    expect(isBlocking(whole)).toBe(false)
    const { sizeBytes, identity, cost, peek, close } = createBytesSource(bytes)
    const weak = gatedSource(new Spoilage().source({ sizeBytes, identity, cost, peek, close, read: async (at, length) => bytes.slice(at, at + length), [Symbol.asyncDispose]: close }), new Gate())
    expect([canFill(weak), hasCallbacks(weak), isBlocking(weak)]).toEqual([false, false, false])
    expect(await read(weak, 1, 2)).toEqual(bytes.subarray(1, 3))
  })

  it.each([['read', read], ['readInto', readInto], ['readThen', readThen]] as const)('sees lost bytes, waits on close, and is cut off with its session: %s', async (_, way) => {
    const spoilage = new Spoilage()
    const parts: string[] = []
    spoilage.listener = (part) => { parts.push(part) }
    let step = async (): Promise<void> => { throw Object.assign(new Error('gone'), { code: 'IO_SOURCE_LOST' }) }
    const session = spoilage.source(strong(() => step()))
    const lease = new Gate()
    const source = gatedSource(session, lease)
    expect(codeOf(await rejection(way(source, 0, 4)))).toBe('IO_SOURCE_LOST')
    expect(parts).toEqual(['source'])
    const slow = gate()
    step = () => slow.passed
    const call = way(source, 0, 4)
    let closed = false
    const closing = lease.close().then(() => { closed = true })
    await new Promise((resolve) => { setImmediate(resolve) })
    expect(closed).toBe(false)
    slow.open()
    expect(await call).toEqual(bytes.subarray(0, 4))
    await closing
    // after the close of the lease
    expect(codeOf(await rejection((async () => way(source, 0, 4))()))).toBe('BLOCKSTORE_CLOSED')

    const other = gatedSource(session, new Gate())
    step = () => new Promise(() => {})
    const hanging = rejection(way(other, 0, 4))
    await session.close()
    expect(codeOf(await hanging)).toBe('IO_CLOSED')
    expect(codeOf(await rejection((async () => way(other, 0, 4))()))).toBe('IO_CLOSED')
  })

  it('says that a lease was revoked when a read ends for that', async () => {
    const session = new Spoilage().source(strong(() => new Promise(() => {})))
    const lease = new Gate()
    const source = gatedSource(session, lease)
    const calls = [read, readInto, readThen].map((way) => rejection(way(source, 0, 4)))
    lease.revoke(new Error('destroyed'))
    await session.close()
    for (const call of calls) expect(codeOf(await call)).toBe('BLOCKSTORE_CLOSED')
  })
})
