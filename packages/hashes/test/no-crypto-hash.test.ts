/** Runtimes that imitate Node may have its older functions only. */
import { expect, it, vi } from 'vitest'
import { createHashes, SHA2_256, SHA2_512 } from '../src/index.ts'
import { openHashes } from '../src/node.ts'

vi.mock('node:crypto', async (original) => ({ ...await original<object>(), hash: undefined }))

it('hashes by createHash where the runtime has no crypto.hash', async () => {
  const crypto = await import('node:crypto')
  expect(crypto.hash).toBeUndefined()
  const hashes = await openHashes()
  const plain = createHashes()
  for (const code of [SHA2_256, SHA2_512]) {
    for (const length of [0, 1, 64, 1000]) {
      const bytes = new Uint8Array(length).fill(length)
      expect(hashes.digest(code, bytes)).toEqual(plain.digest(code, bytes))
      expect(hashes.matches(code, plain.digest(code, bytes), bytes)).toBe(true)
    }
  }
})
