/** Blocks, files and CARs in memory for the tests here. */
import { type Block, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { createCrashFs } from '@dagstore-tooling/testkit'
import type { WritableFile } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import type { WritableCar } from '../src/index.ts'

export interface TestBlock { readonly cid: CID, readonly bytes: Uint8Array }

export const testBlock = (block: Block): TestBlock => ({ cid: CID.decode(block.cid), bytes: block.data })
export const blocksOf = (seed: number, count: number, max = 200): TestBlock[] => makeBlocks(seed, count, { min: 1, max }).map(testBlock)
export const inlineBlock = (words: string): TestBlock => testBlock(makeBlock(new TextEncoder().encode(words), { hash: 'identity' }))

export interface MemoryFile { readonly file: WritableFile, content(): Uint8Array, readonly log: readonly string[] }

export const memoryFile = async (bytes?: Uint8Array): Promise<MemoryFile> => {
  const fs = createCrashFs({ seed: 1 })
  if (bytes !== undefined) fs.plant('car', bytes)
  return { file: await fs.writableFile('car'), content: () => fs.content('car')!, log: fs.log }
}

export const putAll = async (car: WritableCar, blocks: readonly TestBlock[]): Promise<void> => {
  for (const { cid, bytes } of blocks) await car.put(cid, bytes)
}

export const all = async <T>(source: AsyncIterable<T> | Iterable<T>): Promise<T[]> => {
  const out: T[] = []
  for await (const item of source) out.push(item)
  return out
}
