/** Who is next where a few places are shared by clients. */
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createClientLane } from '../src/client-lane.ts'
import type { Lane } from '../src/lane.ts'
import { turn } from './harness.ts'

/** `a1` is a deal of `a`. */
const nameOf = (text: string): CID => CID.createV1(0x55, create(0, new TextEncoder().encode(text)))
const textOf = ({ multihash }: CID): string => new TextDecoder().decode(multihash.digest)

const open = (concurrency: number, perClient: number): { readonly lane: Lane, readonly begun: string[], push (...names: readonly string[]): Promise<void>, finish (name: string): Promise<void> } => {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const lane = createClientLane({
    concurrency,
    perClient,
    clientOf: async (name) => textOf(name)[0] ?? '',
    work: (name) => new Promise((resolve) => {
      begun.push(textOf(name))
      ends.set(textOf(name), resolve)
    }),
  })
  const settled = async (): Promise<void> => { for (let at = 0; at < 5; at++) await turn() }
  return {
    lane, begun,
    push: async (...names) => {
      for (const name of names) lane.push(nameOf(name))
      await settled()
    },
    finish: async (name) => {
      ends.get(name)?.()
      await settled()
    },
  }
}

describe('places that clients share', () => {
  it('go to one client up to its part, in the order of asking, and the rest to others', async () => {
    const { begun, push, finish } = open(4, 2)
    await push('a1', 'a2', 'a3', 'a4', 'a5')
    expect(begun).toEqual(['a1', 'a2'])
    await push('b1', 'c1', 'c2')
    expect(begun).toEqual(['a1', 'a2', 'b1', 'c1'])
    // whoever has the fewest under way is next
    await finish('b1')
    expect(begun.at(-1)).toBe('c2')
    await finish('a2')
    expect(begun.at(-1)).toBe('a3')
  })

  it('go round among those that have as many', async () => {
    const { begun, push, finish } = open(1, 1)
    await push('a1', 'a2', 'a3', 'b1', 'b2', 'c1')
    for (const name of ['a1', 'a2', 'b1', 'c1', 'a3']) await finish(name)
    // a1 had its place before anybody else was there
    expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2'])
  })

  it('are given to a name once at a time, and once more where it was asked for meanwhile', async () => {
    const { begun, push, finish } = open(2, 2)
    await push('a1', 'a1')
    await push('a1', 'a1', 'a2')
    expect(begun).toEqual(['a1', 'a2'])
    await finish('a1')
    expect(begun).toEqual(['a1', 'a2', 'a1'])
    await finish('a1')
    await finish('a2')
    expect(begun).toHaveLength(3)
  })

  it('are given to nobody once it has ended, which waits for what is under way', async () => {
    const { lane, begun, push, finish } = open(1, 1)
    await push('a1', 'a2')
    let isOver = false
    const over = lane.end().then(() => { isOver = true })
    await push('a3')
    expect(isOver).toBe(false)
    await finish('a1')
    await over
    await lane.room()
    expect(begun).toEqual(['a1'])
  })

  it('are waited for by any number of one client\'s, without holding up who lists those of others', async () => {
    const { lane, begun, push } = open(2, 1)
    await push('a0')
    for (let at = 1; at < 2000; at++) {
      lane.push(nameOf(`a${at}`))
      await lane.room()
    }
    await push('b1')
    expect(begun).toEqual(['a0', 'b1'])
  })
})
