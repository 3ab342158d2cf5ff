/** What every `car` command has in common when something is wrong. */
import { execFileSync } from 'node:child_process'
import { lstatSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { dagstore, temporaryFolder } from './terminal.ts'

const blocks = makeBlocks(77, 5, { min: 1, max: 200 })
const cid = CID.decode(blocks[0]!.cid).toString()
const v1 = carV1([blocks[0]!.cid], blocks)
const v2 = carV2({ roots: [blocks[0]!.cid], blocks })

const folderWith = async (files: Readonly<Record<string, Uint8Array>>): Promise<string> => {
  const cwd = await temporaryFolder()
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(cwd, name), bytes)
  return cwd
}

/** One of each, reading `in.car`. */
const READERS: readonly (readonly string[])[] = [
  ['car', 'inspect', 'in.car'], ['car', 'verify', 'in.car'], ['car', 'list', 'in.car'], ['car', 'list', '--unixfs', 'in.car'], ['car', 'root', 'in.car'],
  ['car', 'index', 'in.car', 'out'], ['car', 'index', 'create', 'in.car', 'out'], ['car', 'index', '--attach', 'in.car'], ['car', 'wrap', 'in.car', 'out'],
  ['car', 'detach-index', 'in.car', 'out'], ['car', 'detach-index', 'list', 'in.car'], ['car', 'extract', 'in.car', 'out'], ['car', 'extract', '--v1', 'in.car', 'out'],
  ['car', 'get-block', 'in.car', cid], ['car', 'get-dag', 'in.car', 'out'], ['pieces', 'commp', 'in.car'],
]
/** One of each, making `out`. */
const WRITERS = READERS.filter((args) => args.includes('out') && !(args.includes('extract') && !args.includes('--v1')))

describe('a file that cannot be read', () => {
  it.each(READERS.map((args) => ({ command: args.join(' '), args })))('is named as its user named it, once: $command', async ({ args }) => {
    const cwd = await temporaryFolder()
    const { code, stderr, stdout } = await dagstore(cwd, args)
    expect({ code, stderr, stdout }).toEqual({ code: 1, stderr: 'dagstore: in.car: open failed: no such file or directory (IO_NOT_FOUND)\n', stdout: '' })
    expect(await readdir(cwd)).toEqual([])
  })

  it.each(READERS.map((args) => ({ command: args.join(' '), args })))('is one JSON document for those who want one: $command', async ({ args }) => {
    const { code, stdout } = await dagstore(await temporaryFolder(), [...args, '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toEqual({ ok: false, error: { code: 'IO_NOT_FOUND', message: 'in.car: open failed: no such file or directory (IO_NOT_FOUND)' } })
  })

  it('is a folder', async () => {
    expect(await dagstore(await temporaryFolder(), ['car', 'inspect', '.'])).toMatchObject({ code: 1, stderr: 'dagstore: .: not a regular file; kind=directory (IO_FAILED)\n' })
  })
})

describe('an output', () => {
  it.each(WRITERS.map((args) => ({ command: args.join(' '), args })))('is not made in a folder that is not there, as go-car makes none: $command', async ({ args }) => {
    const cwd = await folderWith({ 'in.car': v2 })
    const { code, stderr } = await dagstore(cwd, args.map((arg) => arg === 'out' ? 'none/out' : arg))
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'dagstore: none/out: no such folder (IO_NOT_FOUND)\n' })
    expect(await readdir(cwd)).toEqual(['in.car'])
  })

  it.skipIf(process.platform === 'win32').each(WRITERS.map((args) => ({ command: args.join(' '), args })))('replaces by force no fifo or device, and what a link leads to, not the link: $command', async ({ args }) => {
    const cwd = await folderWith({ 'in.car': v2, 'there': Uint8Array.of(1) })
    execFileSync('mkfifo', ['out'], { cwd })
    expect(await dagstore(cwd, [...args, '--force'])).toMatchObject({ code: 1, stderr: 'dagstore: out: is there already, and no regular file (IO_EXISTS)\n' })
    expect(lstatSync(join(cwd, 'out')).isFIFO()).toBe(true)
    await symlink('there', join(cwd, 'link'))
    expect(await dagstore(cwd, [...args.map((arg) => arg === 'out' ? 'link' : arg), '--force'])).toMatchObject({ code: 0 })
    expect(await readlink(join(cwd, 'link'))).toBe('there')
    expect((await readFile(join(cwd, 'there'))).byteLength).toBeGreaterThan(1)
  })

  it('that is there already is refused before anything is read', async () => {
    const cwd = await folderWith({ 'in.car': Uint8Array.of(1, 2, 3), 'out': Uint8Array.of(1) })
    for (const args of WRITERS) {
      expect(await dagstore(cwd, args), args.join(' ')).toMatchObject({ code: 1, stderr: 'dagstore: out: is there already (IO_EXISTS)\n' })
    }
  })

  it.skipIf(process.getuid?.() === 0)('in a folder that is not ours is refused without its full name', async () => {
    const cwd = await folderWith({ 'in.car': v1 })
    await mkdir(join(cwd, 'theirs'))
    await chmod(join(cwd, 'theirs'), 0o555)
    expect(await dagstore(cwd, ['car', 'wrap', 'in.car', 'theirs/out'])).toMatchObject({ code: 1, stderr: 'dagstore: theirs/out: open failed: permission denied (IO_FORBIDDEN)\n' })
  })
})

describe('wrong usage and Ctrl-C', () => {
  it.each([
    { args: ['car', 'inspect', '--nonsense'], message: 'unknown option \'--nonsense\'' },
    { args: ['car', 'get-block', 'in.car', 'nonsense'], message: 'not a CID: nonsense' },
    { args: ['car', 'verify'], message: 'missing required argument \'file\'' },
    { args: ['car', 'inspect'], message: 'name a file, or pipe one in' },
    { args: ['car'], message: 'unknown option \'--json\'' },
  ])('are JSON documents too: $message', async ({ args, message }) => {
    const { code, stdout } = await dagstore(await folderWith({ 'in.car': v1 }), [...args, '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toEqual({ ok: false, error: { code: 'COMMAND_USAGE', message } })
  })

  it('leave nothing of what was piped in', async () => {
    const ours = async (): Promise<string[]> => (await readdir(tmpdir())).filter((name) => name.startsWith(`dagstore-stdin-${process.pid}-`))
    const { code, stdout } = await dagstore(await temporaryFolder(), ['car', 'inspect', '--json'], { stdin: v1, signal: AbortSignal.abort() })
    expect(code).toBe(130)
    expect(JSON.parse(stdout)).toEqual({ ok: false, error: { code: 'COMMAND_INTERRUPTED', message: 'interrupted' } })
    expect(await ours()).toEqual([])
  })
})

describe('dagstore pieces commp', () => {
  it('takes what is piped in, as it takes a file', async () => {
    const cwd = await folderWith({ 'in.car': v2 })
    const named = await dagstore(cwd, ['pieces', 'commp', '--json', 'in.car'])
    expect(named.code).toBe(0)
    expect(await dagstore(cwd, ['pieces', 'commp', '--json', '-'], { stdin: v2 })).toMatchObject({ code: 0, stdout: named.stdout })
  })
})
