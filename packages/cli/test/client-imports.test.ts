/** What the commands on imports ask a node, and print: with a node that answers as it is told. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientImportProgress, Import, LotusApi } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import { client, root, streamOf } from './fake-node.ts'
import { temporaryFolder } from './terminal.ts'

/** Beyond 2^53, as Lotus's are. */
const id = 1_629_158_400_000_000_001n

const imported: Import = { Key: id, Err: '', Root: root, Source: 'import', FilePath: '/data/big.iso', CARPath: `${id}.car`, Form: 'ref', Profile: 'lotus-2021', Blocks: 2, CARBytes: 700, FileBytes: 1 << 20 }

describe('client import', () => {
  const api = (): Partial<LotusApi> => ({
    ClientImportWithEvents: () => streamOf<ClientImportProgress>({ DoneBytes: 5, TotalBytes: 10, Import: null }, { DoneBytes: 10, TotalBytes: 10, Import: imported }),
  })

  it.each([
    { args: ['big.iso'], stdout: `Import ${id}, Root ${root.toString()}\n` },
    { args: ['-q', 'big.iso'], stdout: `${root.toString()}\n` },
    { args: ['--json', 'big.iso'], stdout: `{"Root":{"/":"${root.toString()}"},"ImportID":${id}}\n` },
  ])('prints $stdout for $args', async ({ args, stdout }) => {
    expect(await client(api(), ['import', ...args])).toMatchObject({ code: 0, stdout, stderr: '' })
  })

  it('L16: names the file by the place where the command was given', async () => {
    const { calls, cwd } = await client(api(), ['import', 'data/../big.iso'])
    expect(calls.at(-1)).toEqual(['ClientImportWithEvents', { Path: join(cwd, 'big.iso'), IsCAR: false }, { Profile: 'lotus-2021', Links: 'refuse' }])
  })

  it('says that a CAR is one, and that a copy is wanted', async () => {
    expect((await client(api(), ['import', '--car', 'a.car'])).calls.at(-1)?.slice(1)).toMatchObject([{ IsCAR: true }, {}])
    expect((await client(api(), ['import', '--copy', '--profile', 'unixfs-v1-2025', '--links', 'keep', 'a'])).calls.at(-1)?.[2]).toEqual({ Form: 'dense', Profile: 'unixfs-v1-2025', Links: 'keep' })
  })

  it.each([
    { why: 'a name that is empty', args: [''] },
    { why: 'a CAR of which a copy is wanted', args: ['--car', '--copy', 'x'] },
    { why: 'a CAR that is piped in', args: ['--car', '-'] },
    { why: 'nothing to read', args: ['-'] },
    { why: 'a profile that is none', args: ['--profile', 'x', 'y'] },
  ])('refuses $why as wrong usage', async ({ args }) => {
    expect(await client(api(), ['import', ...args])).toMatchObject({ code: 2, stdout: '', calls: [] })
  })

  it('fails where the stream ends without a result', async () => {
    const { code, stdout, stderr } = await client({ ClientImportWithEvents: () => streamOf<ClientImportProgress>() }, ['import', 'x'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe('dagstore: x: the import ended without a result (COMMAND_REFUSED)\n')
  })
})

describe('client local', () => {
  it('has the lines of Lotus, and says which are broken', async () => {
    const broken: Import = { ...imported, Key: id - 1n, Root: null, Err: 'no such file', Source: 'import-local', FilePath: '' }
    const { stdout, code } = await client({ ClientListImports: async () => [imported, broken] }, ['local'])
    expect(code).toBe(0)
    expect(stdout).toBe(`${id - 1n}: <none> @ (import-local)\n\tbroken: no such file\n${id}: ${root.toString()} @/data/big.iso (import)\n`)
  })

  it('says with -v how each is kept, and shows no control characters', async () => {
    const { stdout } = await client({ ClientListImports: async () => [{ ...imported, FilePath: '/a\u001b[31m' }] }, ['local', '-v'])
    expect(stdout).toBe(`${id}: ${root.toString()} @/a\\x1b[31m (import)\n\treferences into the original, lotus-2021, 2 blocks, 1 MiB, ${id}.car (700 B)\n`)
  })

  it('gives ids with all digits as JSON', async () => {
    const { stdout } = await client({ ClientListImports: async () => [imported] }, ['local', '--json'])
    expect(stdout).toContain(`"Key":${id},`)
  })
})

describe('client drop, reimport and verify', () => {
  it('goes on after an import that is not there', async () => {
    const { code, stdout, stderr, calls } = await client({ ClientRemoveImport: async (key) => { if (key === 1n) throw new Error('no such import') } }, ['drop', '1', String(id), '1'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: `dropped ${id}\n` })
    expect(stderr).toContain('import 1: ')
    expect(stderr.endsWith('1 ok, 1 failed\n')).toBe(true)
    expect(calls.map(([, key]) => key)).toEqual([1n, id])
  })

  it.each(['x', '-1', '1.5', '18446744073709551616', ''])('refuses %j as an id', async (text) => {
    expect((await client({}, ['drop', '--', text])).code).toBe(2)
  })

  it('imports again under the same id', async () => {
    const { stdout, code } = await client({ ClientReimport: () => streamOf<ClientImportProgress>({ DoneBytes: 1, TotalBytes: 1, Import: imported }) }, ['reimport', String(id)])
    expect({ stdout, code }).toEqual({ stdout: `Import ${id}, Root ${root.toString()}\n`, code: 0 })
  })

  const fault = { Code: 'REF_CHANGED', Message: 'data have changed', Cid: root, Path: '/data/big.iso', Offset: 4096 }
  const report = { Import: imported, Sound: true, CheckedBlocks: 2, CheckedBytes: 1 << 20, FaultCount: 0, Faults: [] }

  it('checks all imports where none is named, and says what is wrong where', async () => {
    const api: Partial<LotusApi> = {
      ClientListImports: async () => [imported, { ...imported, Key: id + 1n }],
      ClientVerifyImport: (key, _how) => streamOf({ DoneBytes: 1, TotalBytes: null, Report: key === id ? report : { ...report, Sound: false, FaultCount: 1, Faults: [fault] } }),
    }
    const { code, stdout, stderr } = await client(api, ['verify'])
    expect(code).toBe(1)
    expect(stdout).toBe(`verified ${id}: 2 blocks, 1 MiB, all hashed\nbad ${id + 1n}: ${root.toString()} data have changed in /data/big.iso at byte 4096 (REF_CHANGED)\n`)
    expect(stderr).toBe(`dagstore: import ${id + 1n}: data have changed (REF_CHANGED); to make it again from /data/big.iso: dagstore client reimport ${id + 1n}\n1 ok, 1 failed\n`)
    const document = JSON.parse((await client(api, ['verify', '--json', String(id + 1n)])).stdout) as { readonly items: readonly object[] }
    expect(document).toMatchObject({ ok: false, items: [{ id: String(id + 1n), ok: false, faultCount: 1, faults: [{ code: 'REF_CHANGED', offset: 4096 }], error: { code: 'REF_CHANGED' } }] })
  })

  it('looks at files only with --quick', async () => {
    const { code, stdout, calls } = await client({ ClientVerifyImport: () => streamOf({ DoneBytes: 1, TotalBytes: 1, Report: report }) }, ['verify', '--quick', String(id)])
    expect({ code, stdout }).toEqual({ code: 0, stdout: `verified ${id}: 2 blocks, 1 MiB, files looked at\n` })
    expect(calls.at(-1)).toEqual(['ClientVerifyImport', id, { Depth: 'stat' }])
  })
})

describe('client adopt', () => {
  it('tells each import that cannot be taken over, and counts the others', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'lotus', 'datastore'), { recursive: true })
    await writeFile(join(cwd, 'lotus', 'api'), '')
    const at = { Root: root, FilePath: '/a', Error: '' }
    const { code, stdout, stderr, calls } = await client({ ClientAdopt: () => streamOf({ ...at, Key: 1n, Adopted: true }, { ...at, Key: 2n, Adopted: false }, { ...at, Key: 3n, Adopted: false, Error: 'IMPORT_BROKEN: no CAR' }) }, ['adopt', 'lotus'], { cwd })
    expect(calls.at(-1)).toEqual(['ClientAdopt', join(cwd, 'lotus')])
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: 'lotus: 1 import adopted, 1 there already\n', stderr: 'dagstore: import 3: no CAR (IMPORT_BROKEN); to make it from /a: dagstore client reimport 3\n2 ok, 1 failed\n' })
    expect((await client({}, ['adopt'])).code).toBe(2)
  })
})
