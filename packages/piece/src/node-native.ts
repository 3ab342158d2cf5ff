/** The native hasher, where the user installed it. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createNativePairHasher, type NativeHashtree } from './native-pair-hasher.ts'
import type { PairHasher } from './pair-hasher.ts'

const PACKAGE = '@chainsafe/hashtree'

/** Where `@chainsafe/hashtree` is, as seen from this package or from the working directory; `undefined`: nowhere. */
export const findNativeHasher = (): string | undefined => {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return pathToFileURL(createRequire(from).resolve(PACKAGE)).href
    } catch {
      // not from there
    }
  }
  return undefined
}

/**
 * The hasher of `@chainsafe/hashtree`, which hashes nodes several times as fast; for `createPieceEngine({ hasher })`.
 *
 * @param url - where the package is. @default where this package or the working directory finds it
 * @returns `undefined`: not installed, or not for this platform
 * @throws {TypeError} what is there is something else
 */
export const openNativeHasher = async (url: string | undefined = findNativeHasher()): Promise<PairHasher | undefined> => {
  if (url === undefined) return undefined
  let loaded: { readonly hashInto?: unknown, readonly default?: { readonly hashInto?: unknown } }
  try {
    loaded = await import(url) as typeof loaded
  } catch {
    return undefined
  }
  const hashtree = loaded.hashInto === undefined ? loaded.default : loaded
  if (typeof hashtree?.hashInto !== 'function') throw new TypeError(`no hasher of nodes; at=${url}`)
  return createNativePairHasher(hashtree as NativeHashtree)
}
