import { carV1, carV2, damaged, makeBlock, mixedBlocks } from '@dagstore-tooling/fixtures'
import { type BlockingSource, createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { type CarLayout, type LayoutOptions, readLayout, readLayoutSync } from '../src/index.ts'
import { slowSource } from './support.ts'

const blocks = mixedBlocks(17)
const roots = [blocks[0]!.cid]
/** Longer than what is read at first. */
const manyRoots = Array.from({ length: 60 }, (_, i) => makeBlock(Uint8Array.of(i)).cid)
const FILES: Record<string, Uint8Array> = {
  ...damaged,
  'a CARv1': carV1(roots, blocks),
  'a CARv2': carV2({ roots, blocks, dataPadding: 6, indexPadding: 5 }),
  'a CARv1 of many roots': carV1(manyRoots, blocks),
  'a CARv2 of many roots behind padding': carV2({ roots: manyRoots, blocks, dataPadding: 3000 }),
}
/** Nothing at hand; what is read is counted. */
const blocking = (bytes: Uint8Array): BlockingSource & { count: number } => {
  const { readSync } = createBytesSource(bytes)
  const source = { ...slowSource(bytes), count: 0, readSync: (at: number, into: Uint8Array): number => {
    source.count++
    return readSync(at, into)
  } }
  return source
}
const settled = async (work: () => CarLayout | Promise<CarLayout>): Promise<unknown> => {
  try {
    return { layout: await work() }
  } catch (error) {
    return { error: { name: (error as Error).name, message: (error as Error).message, code: (error as { code?: string }).code, offset: (error as { offset?: number }).offset } }
  }
}

describe('readLayoutSync', () => {
  it.each(Object.keys(FILES))('finds in %s what readLayout finds', async (name) => {
    const bytes = FILES[name]!
    for (const options of [{}, { badIndex: 'report' }, { maxHeaderBytes: 50 }] satisfies LayoutOptions[]) {
      const expected = await settled(() => readLayout(slowSource(bytes), options))
      expect(await settled(() => readLayoutSync(createBytesSource(bytes), options))).toEqual(expected)
      expect(await settled(() => readLayoutSync(blocking(bytes), options))).toEqual(expected)
    }
  })

  it('gives memory of its own, and reads no more than it needs', () => {
    const bytes = FILES['a CARv2 of many roots behind padding']!.slice()
    const source = blocking(bytes)
    const layouts = [readLayoutSync(createBytesSource(bytes)), readLayoutSync(source)]
    expect(source.count).toBe(3)
    bytes.fill(0)
    for (const layout of layouts) expect(layout.roots.map((root) => root.bytes)).toEqual(manyRoots)
  })

  it('throws the reason of its signal, and RangeError of a limit, before it reads', () => {
    const source = blocking(FILES['a CARv1']!)
    const reason = new Error('enough')
    expect(() => readLayoutSync(source, { signal: AbortSignal.abort(reason) })).toThrow(reason)
    expect(() => readLayoutSync(source, { maxHeaderBytes: 0 })).toThrow(RangeError)
    expect(source.count).toBe(0)
  })
})
