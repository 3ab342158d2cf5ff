import { createMemoryDirectory } from '@dagstore/io'
import { type Mount, openTransients } from '@dagstore/mounts'
import { createCommP, padCommitment, pieceCidV1 } from '@dagstore/piece'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { pieceChecker } from '../src/index.ts'

const PAYLOAD = Uint8Array.from({ length: 5000 }, (_, at) => (at * 31 + (at >>> 8)) & 0xff)
const commp = createCommP()
commp.write(PAYLOAD)
const piece = commp.finish()
const matches = async (cid: CID | string, ...chunks: Uint8Array[]): Promise<boolean | undefined> => {
  const check = pieceChecker()({ cid: cid.toString() })
  for (const chunk of chunks) await check?.update(chunk)
  return check?.matches()
}

describe('a piece checker', () => {
  it('knows the payload of a piece by either CID, whatever zeros stand behind it and however it comes', async () => {
    for (const cid of [piece.cidV1, piece.cidV2]) {
      expect(await matches(cid, PAYLOAD)).toBe(true)
      expect(await matches(cid, PAYLOAD.subarray(0, 1), PAYLOAD.subarray(1), new Uint8Array(100))).toBe(true)
      expect(await matches(cid, PAYLOAD.subarray(1))).toBe(false)
      expect(await matches(cid, PAYLOAD, Uint8Array.of(1))).toBe(false)
      expect(await matches(cid)).toBe(false)
    }
    expect(await matches(piece.cidV2, PAYLOAD, new Uint8Array(8192))).toBe(false)
  })

  it('knows a piece that is larger than its payload needs by its v1 CID', async () => {
    for (const size of [2, 4, 2 ** 20]) expect(await matches(pieceCidV1(padCommitment(piece.commitment, piece.paddedBytes, piece.paddedBytes * size)), PAYLOAD)).toBe(true)
  })

  it('leaves other names to others', async () => {
    expect(await matches('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy', PAYLOAD)).toBeUndefined()
    expect(await matches('no cid', PAYLOAD)).toBeUndefined()
  })

  it('keeps wrong bytes from becoming the copy of a piece, and lets right ones', async () => {
    const directory = createMemoryDirectory()
    const transients = await openTransients({ directory, checker: pieceChecker() })
    let bytes = PAYLOAD.slice().fill(7, 4000)
    const mount: Mount = {
      url: `https://example.com/piece/${piece.cidV1.toString()}`,
      stat: async () => ({ exists: true, sizeBytes: bytes.byteLength, ready: true, access: 'sequential' }),
      open: async () => ({ access: 'sequential', identity: undefined, resumable: false, stream: async function * () { yield bytes.slice() } }),
    }
    await expect(transients.open(mount, { key: 'k', generation: 0 })).rejects.toMatchObject({ code: 'MOUNT_HASH_MISMATCH' })
    expect(await transients.usage()).toMatchObject({ copies: 0, bytes: 0 })
    bytes = PAYLOAD
    const source = await transients.open(mount, { key: 'k', generation: 0 })
    expect(await source.read(0, 5000)).toEqual(PAYLOAD)
    await source.close()
    await transients.close()
  })
})
