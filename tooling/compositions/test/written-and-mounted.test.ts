/** A file of writable-carv2 under a mount: its index is taken as it is, each time the file has grown. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mixedBlocks } from '@dagstore-tooling/fixtures'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import { createCarFile, extendCarFile, resumeCarFile } from '@dagstore/writable-carv2/node'
import { CID } from 'multiformats/cid'
import { afterAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'compositions-'))
afterAll(() => { rmSync(folder, { recursive: true }) })
const path = join(folder, 'a.car')
const blocks = mixedBlocks(5).map(({ cid, data }) => ({ cid: CID.decode(cid), bytes: new Uint8Array(data) }))

const check = async (held: typeof blocks): Promise<void> => {
  const notices: string[] = []
  const mount = await openCarFile(path, { onNotice: (text) => notices.push(text) })
  expect(mount.indexOrigin).toBe('attached')
  expect(mount.index.facts).toMatchObject({ identityCids: 'included', payloadStart: mount.layout.payloadStart, payloadEnd: mount.layout.payloadBytes })
  for (const { cid, bytes } of held) {
    expect(await mount.blockstore.bytes(cid)).toEqual(bytes)
    expect(await mount.blockstore.size(cid)).toBe(bytes.byteLength)
  }
  for (const { cid } of blocks.filter((block) => !held.includes(block) && block.cid.multihash.code !== 0)) {
    expect(await mount.blockstore.has(cid)).toBe(held.some((block) => Buffer.compare(block.cid.multihash.bytes, cid.multihash.bytes) === 0))
  }
  expect(notices).toEqual([])
  await mount.close()
}

describe('a file that is written, mounted, extended and mounted again', () => {
  it('can not be mounted before it is finalized', async () => {
    const car = await createCarFile(path, {})
    for (const { cid, bytes } of blocks.slice(0, 10)) await car.put(cid, bytes)
    await car.close()
    await expect(openCarFile(path)).rejects.toMatchObject({ code: 'CARV2_NOT_FINALIZED' })
  })

  it('is mounted with the index it brings', async () => {
    const car = await resumeCarFile(path)
    await car.finalize({ roots: [blocks[0]!.cid] })
    await car.close()
    await check(blocks.slice(0, 10))
  })

  it('is mounted with its new index after it was extended', async () => {
    const car = await extendCarFile(path, {})
    for (const { cid, bytes } of blocks) await car.put(cid, bytes)
    await car.finalize()
    await car.close()
    await check(blocks)
  })
})
