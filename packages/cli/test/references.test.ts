/** A CAR that says in which other files its data is, where a CAR with its data is wanted. */
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseJson } from '@dagstore/json-rpc'
import { carV2, makeBlock, seededBytes } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { dagstore, temporaryFolder } from './terminal.ts'

const key = makeBlock(new TextEncoder().encode('/filestore/UDSAEIGHJBQN25EA472LLLTQL6ITP2IKBKQLYZ6W5EGPQB4N2ZUX3PNWVU'))
const node = makeBlock(seededBytes(1, 200))
const references = carV2({ roots: [node.cid], blocks: [{ ...key, data: Buffer.from('0a0d646174612f7a65726f2e62696e100018808040', 'hex') }, node] })

describe('a CAR of references', () => {
  it.each([
    ['car', 'wrap', 'in.car', 'out'], ['car', 'index', 'in.car', 'out'], ['car', 'index', 'in.car', 'out', '--version', '2'], ['car', 'index', '--attach', 'in.car'],
    ['car', 'verify', 'in.car'], ['car', 'list', 'in.car', 'out'], ['car', 'list', '--unixfs', 'in.car', 'out'],
    ['car', 'extract', 'in.car', 'out'], ['car', 'extract', '--v1', 'in.car', 'out'], ['car', 'get-dag', 'in.car', 'out'], ['car', 'get-block', 'in.car', CID.decode(node.cid).toString(), 'out'],
    ['pieces', 'commp', 'in.car'], ['client', 'commP', 'in.car'], ['add', 'in.car'], ['gateway', '--listen', '127.0.0.1:0', 'in.car'], ['demo', 'in.car'],
    ['client', 'import', 'in.car'], ['client', 'import', '--copy', 'in.car'], ['client', 'generate-car', 'in.car', 'out'],
  ])('is refused by %s %s %s %s', async (...args) => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'in.car'), references)
    if (args[0] === 'client') await dagstore(cwd, ['client', 'import', '--copy', 'in.car'])
    const { code, stdout, stderr } = await dagstore(cwd, [...args, '--json'])
    expect(code).toBe(1)
    expect(`${stdout}${stderr}`).toContain('CARV2_REFERENCES')
    // its name is not said again and again
    expect(`${stdout}${stderr}`).not.toContain(join(cwd, 'in.car holds'))
    expect(await readdir(cwd)).not.toContain('out')
    expect(new Uint8Array(await readFile(join(cwd, 'in.car')))).toEqual(references)
  })
  it('is listed with its keys by car list --trusted, and told as what it is by inspect', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'in.car'), references)
    expect((await dagstore(cwd, ['car', 'list', '--trusted', 'in.car'])).stdout.split('\n')).toHaveLength(3)
    expect((await dagstore(cwd, ['car', 'inspect', 'in.car'])).stdout).toContain('References into other files: Yes\n')
    expect(JSON.parse((await dagstore(cwd, ['car', 'inspect', '--json', 'in.car'])).stdout)).toMatchObject({ references: true })
  })
  it('gives what its message says: the CAR of the data, by client generate-car --car', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'a'), seededBytes(7, 3_000_000))
    const { stdout } = await dagstore(cwd, ['client', 'import', '--json', 'a'])
    const { ImportID } = parseJson(stdout) as { readonly ImportID: bigint }
    await copyFile(join(cwd, '.dagstore', 'imports', `${ImportID}.car`), join(cwd, 'references.car'))
    const refused = await dagstore(cwd, ['client', 'import', 'references.car'])
    expect(refused.stderr).toContain('client generate-car --car')
    expect(refused.stderr).toContain('or --car imports the data')
    expect((await dagstore(cwd, ['client', 'generate-car', '--car', 'references.car', 'from-references.car'])).code).toBe(0)
    expect((await dagstore(cwd, ['client', 'generate-car', 'a', 'from-file.car'])).code).toBe(0)
    expect(await readFile(join(cwd, 'from-references.car'))).toEqual(await readFile(join(cwd, 'from-file.car')))
  })
  it('is hashed with its references by pieces commp --raw', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'in.car'), references)
    expect((await dagstore(cwd, ['pieces', 'commp', '--raw', '--json', 'in.car'])).code).toBe(0)
  })
})
