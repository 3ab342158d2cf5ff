import { seededBytes } from '@dagstore-tooling/fixtures'
import { treeFile } from '@dagstore-tooling/testkit'
import { buildTree } from '@dagstore/unixfs-builder'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { hashes, MIB, openPlace, readAll } from './place.ts'
import { memorySources } from './sources.ts'

const big = seededBytes(1, 3 * MIB + 5)
const profile = 'unixfs-v1-2025'

describe('importPath', () => {
  it('makes a CAR of references, reads the source once, and reads back what was imported', async () => {
    const { imports, sources } = await openPlace({ sources: memorySources({ '/data/big.iso': big }) })
    const record = await imports.importPath('/data/big.iso', { profile })
    expect(record).toMatchObject({ form: 'ref', filename: '/data/big.iso', carOwner: 'importmgr', fileBytes: big.byteLength, reused: false })
    expect(sources.reads).toEqual(['/data/big.iso'])
    expect(record.carBytes).toBeLessThan(10_000)
    const want = new Map<string, Uint8Array>()
    await buildTree(treeFile('', big), { put: (cid, bytes) => { want.set(cid.toString(), bytes) } }, { hashes, profile })
    const open = await imports.open(record.id)
    expect(await readAll(open)).toEqual(want)
    await open.close()
    expect(sources.opened.size).toBe(0)
    expect((await imports.importPath('/data/big.iso', { profile })).reused).toBe(true)
  })
  it.each([0, 1, 126, 127, MIB, MIB + 1, MIB + 127, 2 * MIB])('L11: of %i bytes, dense and by reference, under the profile of Lotus', async (length) => {
    const bytes = seededBytes(length, length)
    const { imports } = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    const want = await buildTree(treeFile('', bytes), { put () {} }, { hashes })
    for (const form of ['ref', 'dense'] as const) {
      const { id, root } = await imports.importPath('/data/a', { form })
      expect(root.toString()).toBe(want.cid.toString())
      const open = await imports.openRoot(CID.parse(root.toString()))
      expect(open?.root.toString()).toBe(root.toString())
      const blocks = await readAll(open!)
      expect([...blocks.keys()]).toContain(root.toString())
      await open!.close()
      expect(await imports.verify(id)).toMatchObject({ faultCount: 0 })
      await imports.remove(id)
    }
  })
})
