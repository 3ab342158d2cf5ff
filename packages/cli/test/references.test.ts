/** A CAR that says in which other files its data is, where a CAR with its data is wanted. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV2, makeBlock, seededBytes } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { dagstore, temporaryFolder } from './terminal.ts'

const key = makeBlock(new TextEncoder().encode('/filestore/UDSAEIGHJBQN25EA472LLLTQL6ITP2IKBKQLYZ6W5EGPQB4N2ZUX3PNWVU'))
const node = makeBlock(seededBytes(1, 200))
const references = carV2({ roots: [node.cid], blocks: [{ ...key, data: Buffer.from('0a0d646174612f7a65726f2e62696e100018808040', 'hex') }, node] })

describe('a CAR of references', () => {
  it.each([['car', 'wrap', 'in.car', 'out'], ['pieces', 'commp', 'in.car'], ['add', 'in.car']])('is refused by %s %s', async (...args) => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'in.car'), references)
    const { code, stdout, stderr } = await dagstore(cwd, [...args, '--json'])
    expect(code).toBe(1)
    expect(`${stdout}${stderr}`).toContain('CARV2_REFERENCES')
    expect(await readdir(cwd)).not.toContain('out')
  })
  it('is hashed with its references by pieces commp --raw', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'in.car'), references)
    expect((await dagstore(cwd, ['pieces', 'commp', '--raw', '--json', 'in.car'])).code).toBe(0)
  })
})
