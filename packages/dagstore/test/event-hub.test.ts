import { createEventHub } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import type { DagstoreEvent } from '../src/index.ts'
import { collectAll, makeCar, openHarness, rejection } from './harness.ts'

const ignored = (total: number): DagstoreEvent => ({ type: 'ignored', key: 'a', event: 'x', total })
const totals = (events: readonly DagstoreEvent[]): unknown[] => events.map((event) => event.type === 'ignored' ? event.total : event.type === 'dropped' ? `dropped ${event.count}` : event.type)

describe('an event hub', () => {
  it('gives each consumer what happens from its beginning on, and ends with what waits', async () => {
    const heard: DagstoreEvent[] = []
    const hub = createEventHub<DagstoreEvent>((event) => { heard.push(event) }, () => {})
    hub.emit(ignored(1))
    const one = hub.subscribe()[Symbol.asyncIterator]()
    const waiting = one.next()
    hub.emit(ignored(2))
    const two = hub.subscribe()
    const iterator = two[Symbol.asyncIterator]()
    hub.emit(ignored(3))
    expect((await waiting).value).toEqual(ignored(2))
    hub.close()
    hub.emit(ignored(4))
    expect(totals(await collectAll({ [Symbol.asyncIterator]: () => one }))).toEqual([3])
    expect(totals(await collectAll({ [Symbol.asyncIterator]: () => iterator }))).toEqual([3])
    expect(await collectAll(hub.subscribe())).toEqual([])
    expect(totals(heard)).toEqual([1, 2, 3, 4])
  })

  it('D35: drops the oldest of a consumer that does not read, tells it how many, and keeps nobody waiting', async () => {
    let dropped = 0
    const hub = createEventHub<DagstoreEvent>(() => {}, () => { dropped++ })
    const slow = hub.subscribe({ capacity: 3 })[Symbol.asyncIterator]()
    const never = hub.subscribe({ capacity: 1 })[Symbol.asyncIterator]()
    for (let total = 1; total <= 10; total++) hub.emit(ignored(total))
    expect(dropped).toBe(7 + 9)
    hub.close()
    expect(totals(await collectAll({ [Symbol.asyncIterator]: () => slow }))).toEqual(['dropped 7', 8, 9, 10])
    expect(totals(await collectAll({ [Symbol.asyncIterator]: () => never }))).toEqual(['dropped 9', 10])
  })

  it('ends for one consumer by its signal or its break, and takes nothing for it any more', async () => {
    let dropped = 0
    const hub = createEventHub<DagstoreEvent>(() => {}, () => { dropped++ })
    const leaving = new AbortController()
    const iterator = hub.subscribe({ signal: leaving.signal, capacity: 1 })[Symbol.asyncIterator]()
    const waiting = rejection(iterator.next())
    leaving.abort(new Error('gone'))
    expect(await waiting).toBe(leaving.signal.reason)
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    const events = hub.subscribe({ capacity: 1 })
    const other = events[Symbol.asyncIterator]()
    hub.emit(ignored(1))
    await other.return?.()
    hub.emit(ignored(2))
    hub.emit(ignored(3))
    expect(dropped).toBe(0)
    expect(await other.next()).toEqual({ done: true, value: undefined })
  })

  it('refuses a capacity that is none', () => {
    const hub = createEventHub<DagstoreEvent>(() => {}, () => {})
    for (const capacity of [0, -1, 1.5, Number.NaN]) expect(() => hub.subscribe({ capacity })).toThrow(RangeError)
  })
})

describe('events of a store', () => {
  it('are told in order, and end when the store has closed', async () => {
    const h = await openHarness()
    const all = collectAll(h.store.events())
    await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
    await h.store.close()
    const events = await all
    expect(events).toEqual(h.events)
    expect(events.flatMap((event) => event.type === 'health' ? event.to : [])).toEqual(['initializing', 'available'])
  })

  it('D35: a consumer that never reads stops nothing', async () => {
    await using h = await openHarness()
    const iterator = h.store.events({ capacity: 2 })[Symbol.asyncIterator]()
    for (let at = 0; at < 20; at++) await h.store.register(`k${at}`, h.sources.put(`k${at}`, makeCar(at, 2)), { indexing: 'eager' })
    expect((await iterator.next()).value).toEqual({ type: 'dropped', count: h.events.length - 2 })
  })
})
