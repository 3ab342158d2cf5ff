/** The inputs that the manifest names by seed and size, as streams and as trees. */
import type { TreeDirectory, TreeEntry, TreeFile } from '@dagstore/io'
import type { TreeEntryFacts } from './manifest.ts'
import { numberedDigests } from './numbered-digests.ts'

const DOMAIN = new TextEncoder().encode('dagstore-vector')
const CHUNK = 1 << 16

/** The bytes of (seed, size) in chunks; the rule stands in the manifest. */
export function * inputChunks (seed: number, size: number): Generator<Uint8Array> {
  const input = new Uint8Array(DOMAIN.byteLength + 16)
  input.set(DOMAIN)
  new DataView(input.buffer).setBigUint64(DOMAIN.byteLength, BigInt(seed), true)
  let i = 0
  for (let left = size; left > 0; left -= CHUNK) {
    const chunk = new Uint8Array(Math.min(CHUNK, Math.ceil(left / 32) * 32))
    numberedDigests(input, DOMAIN.byteLength + 8, i, chunk) // the upper half stays 0: below 128 GiB
    i += chunk.byteLength / 32
    yield left < chunk.byteLength ? chunk.slice(0, left) : chunk
  }
}

export const inputBytes = (seed: number, size: number): Uint8Array => {
  const out = new Uint8Array(size)
  let at = 0
  for (const chunk of inputChunks(seed, size)) {
    out.set(chunk, at)
    at += chunk.byteLength
  }
  return out
}

const byUtf8 = (a: TreeEntry, b: TreeEntry): number => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))

const fileOf = (name: string, seed: number, size: number): TreeFile => ({
  kind: 'file',
  name,
  sizeBytes: size,
  async * read () { yield * inputChunks(seed, size) },
})

/** The tree of the manifest's entries, children sorted by the UTF-8 bytes of their names. */
export const treeOf = (name: string, entries: readonly TreeEntryFacts[]): TreeDirectory => {
  const children = entries.flatMap((entry): TreeEntry[] => {
    if (entry.count !== undefined) {
      return Array.from({ length: entry.count }, (_, i) => fileOf(`${entry.name}${String(i).padStart(4, '0')}.bin`, 10000 + i, i % 300))
    }
    if (entry.seed !== undefined) return [fileOf(entry.name, entry.seed, entry.size ?? 0)]
    return [treeOf(entry.name, entry.entries ?? [])]
  })
  children.sort(byUtf8)
  return { kind: 'directory', name, async * entries () { yield * children } }
}
