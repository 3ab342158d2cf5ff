import { createHashes } from '@dagstore/hashes'
import { systemRandom } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { createTransferToken, matchesToken } from '../src/index.ts'

const hashes = createHashes()

describe('a token of a transfer', () => {
  it('is 32 random bytes as base64url, and is known again by what it hashes to', () => {
    for (const fill of [0, 0xff, 0x5a]) {
      const bytes = new Uint8Array(32).fill(fill)
      const { token, digest } = createTransferToken({ bytes: () => bytes }, hashes)
      expect(token).toBe(Buffer.from(bytes).toString('base64url'))
      expect(matchesToken(token, digest, hashes)).toBe(true)
    }
    const { token, digest } = createTransferToken(systemRandom, hashes)
    expect(Buffer.from(token, 'base64url').byteLength).toBe(32)
    expect(Buffer.from(digest).includes(Buffer.from(token, 'base64url'))).toBe(false)
  })

  it('is no other one, nor none, nor a part of one', () => {
    const { token, digest } = createTransferToken(systemRandom, hashes)
    for (const other of [undefined, '', token.slice(1), `${token}A`, createTransferToken(systemRandom, hashes).token, 'x'.repeat(43)]) expect(matchesToken(other, digest, hashes)).toBe(false)
    expect(matchesToken(token, digest.slice(0, 31), hashes)).toBe(false)
    expect(matchesToken(token, new Uint8Array(0), hashes)).toBe(false)
  })
})
