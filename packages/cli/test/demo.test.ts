import { writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, carV2, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { InterruptedError } from '../src/terminal.ts'
import { dagstore, type Run, temporaryFolder } from './terminal.ts'

interface Item {
  readonly input: { readonly path: string, readonly kind: string, readonly sizeBytes: number }
  readonly identical: boolean
  readonly error?: { readonly code: string | null, readonly message: string }
  readonly steps: readonly { readonly name: string, readonly ms: number, readonly reused: boolean }[]
  readonly [key: string]: unknown
}
const documentOf = (run: Run): { readonly ok: boolean, readonly items: readonly Item[] } => JSON.parse(run.stdout) as { ok: boolean, items: Item[] }
const blocks = makeBlocks(21, 40, { min: 0, max: 900 })
const plainCar = carV1([blocks[0]!.cid], blocks)

describe('dagstore demo', () => {
  it('takes a file, a directory and a CAR through the loop and finds all identical', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'file.bin'), seededBytes(1, 300_000))
    await mkdir(join(cwd, 'folder', 'inner'), { recursive: true })
    await writeFile(join(cwd, 'folder', 'inner', 'a.txt'), 'a')
    await writeFile(join(cwd, 'plain.car'), plainCar)
    const run = await dagstore(cwd, ['demo', '--json', 'file.bin', 'folder', 'plain.car'])
    expect(run.code, run.stderr).toBe(0)
    const { ok, items } = documentOf(run)
    expect(ok).toBe(true)
    expect(items.map((item) => [item.input.path, item.input.kind, item.identical])).toEqual([['file.bin', 'file', true], ['folder', 'directory', true], ['plain.car', 'car', true]])
    expect(Object.keys(items[0]!)).toEqual(['input', 'payloadCid', 'roots', 'missing', 'pieceCid', 'pieceCidV2', 'pieceSizePadded', 'carSizeBytes', 'deal', 'sector', 'shard', 'index', 'retrieved', 'identical', 'steps'])
    expect(items[2]).toMatchObject({
      carSizeBytes: plainCar.byteLength,
      index: { codec: '0x0401', entries: blocks.length },
      shard: { state: 'ShardStateAvailable' },
      missing: [],
    })
  })

  it('recognises on a second run what is there', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'file.bin'), seededBytes(2, 5000))
    await writeFile(join(cwd, 'plain.car'), plainCar)
    await dagstore(cwd, ['demo', 'file.bin', 'plain.car'])
    const { items } = documentOf(await dagstore(cwd, ['demo', '--json', 'file.bin', 'plain.car']))
    const reused = items.map((item) => item.steps.filter((step) => step.reused).map((step) => step.name))
    const all = ['import', 'piece', 'deal', 'transfer', 'sector', 'shard', 'retrieve']
    expect(reused).toEqual([all, all])
  })

  it('goes on where it was interrupted, at whichever step, and comes to the same piece', async () => {
    const cwd = await temporaryFolder()
    const steps = ['import', 'piece', 'deal', 'transfer', 'sector', 'shard', 'retrieve']
    for (const kind of ['file.bin', 'plain.car']) {
      await writeFile(join(cwd, 'file.bin'), seededBytes(31, 300_000))
      await writeFile(join(cwd, 'plain.car'), plainCar)
      const whole = documentOf(await dagstore(cwd, ['demo', '--json', '--root', 'whole', kind])).items[0]
      for (const [at, step] of steps.entries()) {
        const [root, controller] = [`${kind}-${step}`, new AbortController()]
        const cut = await dagstore(cwd, ['demo', '--json', '--root', root, kind], {
          signal: controller.signal, onMessage: (text) => { if (text.startsWith(`  ${step} `)) controller.abort(new InterruptedError('interrupted')) },
        })
        expect(cut.code, step).toBe(130)
        const again = documentOf(await dagstore(cwd, ['demo', '--json', '--root', root, kind])).items[0]
        expect(again, step).toMatchObject({ identical: true, pieceCid: whole?.['pieceCid'] })
        const reused = again!.steps.filter((one) => one.reused).map(({ name }) => name)
        expect(reused, step).toEqual(expect.arrayContaining(steps.slice(0, at + 1).filter((name) => name !== 'retrieve' && (kind !== 'plain.car' || name !== 'import' || at > 0))))
        expect((JSON.parse((await dagstore(cwd, ['storage-deals', 'list', '--json', '--root', root])).stdout) as unknown[]).length, step).toBe(1)
      }
    }
  })

  it('leaves deals and a retrieval that the commands of both sides list, and no copy that waits', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'file.bin'), seededBytes(32, 300_000))
    await writeFile(join(cwd, 'rootless.car'), carV1([], blocks.slice(0, 5)))
    const { items } = documentOf(await dagstore(cwd, ['demo', '--json', 'file.bin', 'rootless.car']))
    expect(items.map((item) => item['deal'])).toMatchObject([{ transferType: 'http-push' }, { transferType: 'manual' }])
    const list = async (...args: readonly string[]): Promise<unknown> => {
      const run = await dagstore(cwd, [...args, '--json'])
      expect(run.code, run.stderr).toBe(0)
      return JSON.parse(run.stdout)
    }
    const proposals = items.map((item) => (item['deal'] as { readonly proposalCid: string }).proposalCid).sort()
    const atClient = JSON.stringify(await list('client', 'list-deals'))
    for (const proposal of proposals) expect(atClient).toContain(proposal)
    expect(atClient).toContain('Active')
    expect(await list('storage-deals', 'list')).toMatchObject([{ State: 7 }, { State: 7 }])
    expect(await list('client', 'list-retrievals')).toHaveLength(1)
    expect(await list('client', 'local')).toHaveLength(1)
    expect(await readdir(join(cwd, '.dagstore', 'deal-staging')).catch(() => [])).toEqual([])
    expect((await stat(join(cwd, '.dagstore', 'imports', (await readdir(join(cwd, '.dagstore', 'imports')))[0]!))).size).toBeLessThan(20_000)
  })

  it('makes another deal where another miner is to have the piece', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'file.bin'), seededBytes(33, 5000))
    const first = documentOf(await dagstore(cwd, ['demo', '--json', 'file.bin'])).items[0]
    const second = documentOf(await dagstore(cwd, ['demo', '--json', '--miner', '2000', 'file.bin'])).items[0]
    expect(second).toMatchObject({ identical: true, pieceCid: first?.['pieceCid'] })
    expect(second?.['deal']).not.toEqual(first?.['deal'])
    expect(second?.steps.filter(({ reused }) => reused).map(({ name }) => name)).toEqual(['import', 'piece', 'sector', 'shard', 'retrieve'])
  })

  it('fetches again what came back and was damaged, whether its blocks or its header', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'file.bin'), seededBytes(35, 50_000))
    const before = documentOf(await dagstore(cwd, ['demo', '--json', 'file.bin'])).items[0]
    const path = join(cwd, (before!['retrieved'] as { path: string }).path)
    const sound = await readFile(path)
    for (const at of [Math.floor(sound.byteLength / 2), 3]) {
      const damaged = Uint8Array.from(sound)
      damaged[at]! ^= 0xff
      await writeFile(path, damaged)
      const run = await dagstore(cwd, ['demo', '--json', 'file.bin'])
      expect(run.code, `${at}: ${run.stderr}`).toBe(0)
      expect(documentOf(run).items[0]).toMatchObject({ identical: true, retrieved: before!['retrieved'] })
      expect(Buffer.compare(await readFile(path), sound), String(at)).toBe(0)
    }
    expect(JSON.parse((await dagstore(cwd, ['client', 'list-retrievals', '--json'])).stdout)).toHaveLength(1)
  })

  it('fetches again what came back and was taken away', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'file.bin'), seededBytes(34, 5000))
    const before = documentOf(await dagstore(cwd, ['demo', '--json', 'file.bin'])).items[0]
    await rm(join(cwd, (before!['retrieved'] as { path: string }).path))
    const after = documentOf(await dagstore(cwd, ['demo', '--json', 'file.bin'])).items[0]
    expect(after).toMatchObject({ identical: true })
    expect(after?.steps.filter(({ reused }) => reused).map(({ name }) => name)).toEqual(['import', 'piece', 'deal', 'transfer', 'sector', 'shard'])
  })

  it('says in one sentence, and leaves nothing behind, that a CAR changed while it was checked', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'plain.car'), plainCar)
    const change = (text: string): void => {
      if (text.includes('  deal ')) writeFileSync(join(cwd, 'plain.car'), carV1([blocks[1]!.cid], blocks.slice(0, 30)))
    }
    const { items } = documentOf(await dagstore(cwd, ['demo', '--json', 'plain.car'], { onMessage: change }))
    expect(items[0]?.error?.code).toBe('IO_SOURCE_CHANGED')
    expect(documentOf(await dagstore(cwd, ['demo', '--json', 'plain.car'])).ok).toBe(true)
    expect((JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout) as unknown[]).length).toBe(1)
  })

  it('notices that a file has changed and makes another piece of it', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'file.bin'), seededBytes(3, 5000))
    const before = documentOf(await dagstore(cwd, ['demo', '--json', 'file.bin'])).items[0]
    await writeFile(join(cwd, 'file.bin'), seededBytes(4, 5001))
    const after = documentOf(await dagstore(cwd, ['demo', '--json', 'file.bin'])).items[0]
    expect(after).toMatchObject({ identical: true })
    expect(after?.['pieceCid']).not.toBe(before?.['pieceCid'])
  })

  it('writes a piece anew whose sector file is gone', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'plain.car'), plainCar)
    const before = documentOf(await dagstore(cwd, ['demo', '--json', 'plain.car'])).items[0]
    await rm(join(cwd, (before!['sector'] as { path: string }).path))
    const after = documentOf(await dagstore(cwd, ['demo', '--json', 'plain.car']))
    expect(after.items[0]?.error).toBeUndefined()
    expect(after.ok).toBe(true)
  })

  it('takes the payload of a CARv2, and lists no root where there is none', async () => {
    const cwd = await temporaryFolder()
    const payload = carV1([], blocks.slice(3, 9))
    await writeFile(join(cwd, 'v1.car'), payload)
    await writeFile(join(cwd, 'v2.car'), carV2({ roots: [], blocks: blocks.slice(3, 9), dataPadding: 100 }))
    const { items } = documentOf(await dagstore(cwd, ['demo', '--json', 'v1.car', 'v2.car']))
    expect(items[0]).toMatchObject({ payloadCid: null, roots: [], carSizeBytes: payload.byteLength })
    expect(items[1]?.['pieceCid']).toBe(items[0]?.['pieceCid'])
    expect(items[1]).toMatchObject({ identical: true })
  })

  it('counts the zero padding of a CAR as part of the piece', async () => {
    const cwd = await temporaryFolder()
    const padded = carV1([blocks[1]!.cid], blocks, { paddingBytes: 4096 })
    await writeFile(join(cwd, 'padded.car'), padded)
    const { items } = documentOf(await dagstore(cwd, ['demo', '--json', 'padded.car']))
    expect(items[0]).toMatchObject({ identical: true, carSizeBytes: padded.byteLength })
  })

  it.each([
    { why: 'is missing', make: async () => {} },
    { why: 'is a CAR cut inside a block', make: (path: string) => writeFile(path, plainCar.subarray(0, plainCar.byteLength - 7)) },
    { why: 'is no CAR but is called one', make: (path: string) => writeFile(path, 'not a CAR at all, just text') },
    { why: 'holds a block that does not hash to its CID', make: async (path: string) => {
      const damaged = plainCar.slice()
      damaged[damaged.byteLength - 3]! ^= 1
      await writeFile(path, damaged)
    } },
    { why: 'is larger than any sector', make: async (path: string) => {
      await writeFile(path, carV1([], []))
      await truncate(path, 65 * 2 ** 30)
    } },
  ])('says in one sentence that an input $why, and goes on with the next', async ({ make }) => {
    const cwd = await temporaryFolder()
    await make(join(cwd, 'bad.car'))
    await writeFile(join(cwd, 'good.car'), plainCar)
    const run = await dagstore(cwd, ['demo', '--json', 'bad.car', 'good.car'])
    expect(run.code).toBe(1)
    const { ok, items } = documentOf(run)
    expect(ok).toBe(false)
    expect(items[0]).toMatchObject({ identical: false, input: { path: 'bad.car' } })
    expect(items[0]?.error?.message).toMatch(/^bad\.car: /)
    expect(items[0]?.error?.message).not.toMatch(/\n|undefined/)
    expect(items[0]?.error?.code).not.toBeNull()
    expect(items[1]?.identical, JSON.stringify(items[1]?.error)).toBe(true)
    expect(run.stderr).toMatch(/\n1 ok, 1 failed\n$/)
  })

  it('stops at an interrupt with 130 and completes when run again', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'file.bin'), seededBytes(5, 3_000_000))
    const controller = new AbortController()
    setTimeout(() => { controller.abort(new InterruptedError('interrupted')) }, 40)
    const cut = await dagstore(cwd, ['demo', 'file.bin'], { signal: controller.signal })
    expect([0, 130]).toContain(cut.code)
    const again = await dagstore(cwd, ['demo', '--json', 'file.bin'])
    expect(again.code, again.stderr).toBe(0)
    expect(documentOf(again).ok).toBe(true)
  })

  it('leaves the folder of its own store out of a directory that it lies in, and says so', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'deep'))
    await writeFile(join(cwd, 'deep', 'a.txt'), seededBytes(6, 5000))
    for (const root of ['.dagstore', 'deep/store']) {
      const run = await dagstore(cwd, ['demo', '--json', '--root', root, '.'])
      expect(run.code, run.stderr).toBe(0)
      expect(run.stderr).toContain(root)
      const again = documentOf(await dagstore(cwd, ['demo', '--json', '--root', root, '.'])).items[0]
      expect(again?.input.sizeBytes).toBe(5000)
      expect(again?.steps.find(({ name }) => name === 'import')?.reused).toBe(true)
      await rm(join(cwd, root), { recursive: true })
    }
  })

  it('refuses a directory that is its own store or lies in it', async () => {
    const cwd = await temporaryFolder()
    await symlink('.dagstore', join(cwd, 'by-link'))
    const { items } = documentOf(await dagstore(cwd, ['demo', '--json', '.dagstore', '.dagstore/db', 'by-link']))
    expect(items.map(({ error }) => error?.code)).toEqual(['COMMAND_REFUSED', 'COMMAND_REFUSED', 'COMMAND_REFUSED'])
  })

  it.each(['file.bin', 'folder'])('says of %s that it changed meanwhile, not that something else was retrieved', async (path) => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'folder'))
    for (const name of ['file.bin', 'folder/a.bin']) await writeFile(join(cwd, name), seededBytes(7, 5000))
    const change = (text: string): void => {
      if (text.includes('retrieve')) for (const name of ['file.bin', 'folder/a.bin']) writeFileSync(join(cwd, name), seededBytes(8, 5000))
    }
    const { items } = documentOf(await dagstore(cwd, ['demo', '--json', path], { onMessage: change }))
    expect(items[0]?.error?.code).toBe('IO_SOURCE_CHANGED')
    expect(documentOf(await dagstore(cwd, ['demo', '--json', path])).ok).toBe(true)
  })

  it('keeps the symbolic links of a directory, dangling ones too, and follows one that is the input', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'folder'))
    await writeFile(join(cwd, 'folder', 'a.txt'), 'a')
    await symlink('a.txt', join(cwd, 'folder', 'b.txt'))
    await symlink('../nowhere', join(cwd, 'folder', 'c.txt'))
    await symlink('folder', join(cwd, 'link'))
    const run = await dagstore(cwd, ['demo', '--json', 'folder', 'link'])
    expect(run.code, run.stderr).toBe(0)
    const [folder, link] = documentOf(run).items
    expect(link?.['payloadCid']).toBe(folder?.['payloadCid'])
  })

  it('takes names that a terminal would act on, and shows them harmless', async () => {
    const cwd = await temporaryFolder()
    const name = 'a\u001b[31m\nb'
    await writeFile(join(cwd, name), 'x')
    const run = await dagstore(cwd, ['demo', name, `${name}?`])
    expect(run.code).toBe(1)
    expect(run.stdout).toContain('a\\x1b[31m\\x0ab  file')
    expect(run.stdout + run.stderr).not.toContain('\u001b')
    expect(documentOf(await dagstore(cwd, ['demo', '--json', name])).items[0]?.input.path).toBe(name)
  })

  it('names the place in a directory that it can not read', async ({ skip }) => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'folder', 'inner'), { recursive: true })
    try {
      await writeFile(Buffer.concat([Buffer.from(join(cwd, 'folder', 'inner', 'bad-')), Buffer.of(0xff)]), 'x')
    } catch {
      skip('the file system takes no names that are not UTF-8')
    }
    const { items } = documentOf(await dagstore(cwd, ['demo', '--json', 'folder']))
    expect(items[0]?.error).toMatchObject({ code: 'IO_FAILED', message: expect.stringContaining('inner') as string })
    expect(items[0]?.error?.message).toContain('not UTF-8')
  })

  it('refuses an empty path, and takes an empty folder name of a store for wrong usage or none', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'file.bin'), 'x')
    expect(documentOf(await dagstore(cwd, ['demo', '--json', ''])).items[0]?.error?.code).toBe('COMMAND_REFUSED')
    expect((await dagstore(cwd, ['demo', '--root', '', 'file.bin'])).code).toBe(2)
    expect((await dagstore(cwd, ['demo', 'file.bin'], { env: { DAGSTORE_PATH: '' } })).code).toBe(0)
    expect((await dagstore(cwd, ['list-shards'])).code).toBe(0)
  })

  it('prints a summary for people that names what is where', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'plain.car'), plainCar)
    const run = await dagstore(cwd, ['demo', 'plain.car'])
    expect(run.stdout).toContain('✓ plain.car')
    expect(run.stdout).toContain('.dagstore/unsealed/s-t01000-1')
    expect(run.stdout).toContain('1 item identical')
    expect(run.stderr).toContain('acquire')
  })

  it('leaves a CAR that it was given as it was', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'plain.car'), plainCar)
    await dagstore(cwd, ['demo', 'plain.car'])
    expect(new Uint8Array(await readFile(join(cwd, 'plain.car')))).toEqual(plainCar)
  })
})

describe('dagstore list-shards', () => {
  it('lists the shards sorted by key, and prints nothing for an empty store', async () => {
    const cwd = await temporaryFolder()
    const missing = await dagstore(cwd, ['demo', 'nothing.bin'])
    expect(missing.code).toBe(1)
    expect(await dagstore(cwd, ['list-shards'])).toMatchObject({ code: 0, stdout: '' })
    await writeFile(join(cwd, 'a.car'), plainCar)
    await writeFile(join(cwd, 'b.car'), carV1([], blocks.slice(0, 3)))
    await dagstore(cwd, ['demo', 'a.car', 'b.car'])
    const listed = JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout) as { Key: string, State: string, Error: string }[]
    expect(listed.map(({ State, Error: error }) => [State, error])).toEqual([['ShardStateAvailable', ''], ['ShardStateAvailable', '']])
    expect(listed.map(({ Key }) => Key)).toEqual(listed.map(({ Key }) => Key).sort())
    const text = (await dagstore(cwd, ['list-shards'])).stdout
    expect(text.split('\n')[0]).toMatch(/^Key +State +Error$/)
    expect(text).toContain(`${listed[0]!.Key}  Available`)
  })
})
