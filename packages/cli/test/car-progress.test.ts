import { createRequire } from 'node:module'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlock } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { main } from '../src/index.ts'
import { temporaryFolder } from './terminal.ts'

interface Shown { readonly label: string, readonly done: number, readonly total: number | undefined }
const { SingleBar } = createRequire(import.meta.url)('cli-progress') as { readonly SingleBar: { readonly prototype: { update (done: number, shown: Shown): void, stop (): void } } }

/** An empty UnixFS directory. */
const directory = makeBlock(Uint8Array.of(0x0a, 0x02, 0x08, 0x01), { codec: 0x70 })
const cid = CID.decode(directory.cid).toString()

describe('a command that has to index the CAR first', () => {
  it.each([
    { args: ['get-block', 'a.car', cid, 'out'], code: 0 },
    { args: ['get-dag', 'a.car', cid, 'out'], code: 0 },
    { args: ['extract', 'a.car', 'out'], code: 1 },
    { args: ['list', '--unixfs', 'a.car'], code: 0 },
  ])('$args.0 shows how far that is', async ({ args, code }) => {
    const cwd = await temporaryFolder()
    const bytes = carV1([directory.cid], [directory])
    await writeFile(join(cwd, 'a.car'), bytes)
    const update = vi.spyOn(SingleBar.prototype, 'update')
    const stop = vi.spyOn(SingleBar.prototype, 'stop')
    onTestFinished(() => { vi.restoreAllMocks() })
    const terminal = { stdout: () => {}, stderr: () => {}, interactive: true, showsResults: true, colors: false, cwd, env: {}, signal: new AbortController().signal }
    expect(await main(['car', ...args], terminal)).toBe(code)
    expect(update.mock.calls[0]![1]).toMatchObject({ label: 'index', total: bytes.byteLength })
    expect(stop).toHaveBeenCalled()
  })
})
