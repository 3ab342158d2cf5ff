/** Runtimes that imitate Node may have its older functions only. */
import { expect, it, vi } from 'vitest'
import { createNodePairHasher } from '../src/node-pair-hasher.ts'
import { createPairHasher } from '../src/pair-hasher.ts'

vi.mock('node:crypto', async (original) => ({ ...await original<object>(), hash: undefined }))

it('hashes nodes by createHash where the runtime has no crypto.hash', async () => {
  const crypto = await import('node:crypto')
  expect(crypto.hash).toBeUndefined()
  const nodes = Uint8Array.from({ length: 64 * 9 }, (_, i) => i * 7)
  const want = nodes.slice()
  createPairHasher().hashPairs(want, 9)
  createNodePairHasher().hashPairs(nodes, 9)
  expect(nodes).toEqual(want)
})
