/** Blocks for tests. */
import { createHashes } from '@dagstore/hashes'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

const hashes = createHashes()

export interface TestBlock { readonly cid: CID, readonly bytes: Uint8Array }

export const block = (content: string | Uint8Array, { codec = 0x55, hash = 0x12 }: { readonly codec?: number, readonly hash?: number } = {}): TestBlock => {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return { cid: CID.createV1(codec, create(hash, hashes.digest(hash, bytes))), bytes }
}

export const codeOf = async (call: () => unknown): Promise<string> => {
  try {
    await call()
    return 'no error'
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error)
  }
}

export const errorOf = async (call: () => unknown): Promise<Error> => {
  try {
    await call()
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not fail')
}

export const collect = async <T>(values: AsyncIterable<T> | Iterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
