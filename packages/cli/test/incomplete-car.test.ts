import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { dagstore, temporaryFolder } from './terminal.ts'

const [here, gone, goneRoot] = makeBlocks(41, 3, { min: 10, max: 90 }) as [Block, Block, Block]
type Block = ReturnType<typeof makeBlocks>[number]

/** A DAG-CBOR list of links. */
const listOf = (links: readonly Uint8Array[]): Block => {
  const data = Buffer.concat([Buffer.of(0x80 + links.length), ...links.map((cid) => Buffer.concat([Buffer.of(0xd8, 0x2a, 0x58, cid.byteLength + 1, 0), cid]))])
  const multihash = Digest.create(0x12, createHash('sha256').update(data).digest())
  return { cid: CID.createV1(0x71, multihash).bytes, multihash: multihash.bytes, data }
}

describe('dagstore demo of an incomplete CAR', () => {
  it('finds it identical, and lists each root and each child that is not there once', async () => {
    const cwd = await temporaryFolder()
    const identity = CID.createV1(0x55, Digest.create(0x00, Uint8Array.of(1, 2, 3))).bytes
    const list = listOf([here.cid, gone.cid, identity, gone.cid])
    await writeFile(join(cwd, 'some.car'), carV1([list.cid, goneRoot.cid], [list, here, listOf([gone.cid])]))
    const run = await dagstore(cwd, ['demo', '--json', 'some.car'])
    expect(run.code, run.stderr).toBe(0)
    const [item] = (JSON.parse(run.stdout) as { items: { missing: string[] }[] }).items
    expect([...item!.missing].sort()).toEqual([gone, goneRoot].map(({ cid }) => CID.decode(cid).toString()).sort())
  })
})
