import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { dagstore, temporaryFolder } from './terminal.ts'

const blocks = makeBlocks(71, 6, { min: 20, max: 300 })
const car = Buffer.from(carV1([blocks[0]!.cid], blocks.slice(0, 3)))
const other = carV1([blocks[3]!.cid], blocks.slice(3))
const last = blocks[2]!
const cid = CID.decode(last.cid).toString()
/** One that a shell would take for several words. */
const KEY = "it's a.car"

interface Place { readonly cwd: string, readonly path: string, readonly root: string }

/** The shard, indexed, of the file `in.car`; and another one. */
const oneShard = async (): Promise<Place> => {
  const cwd = await temporaryFolder()
  const path = join(cwd, 'in.car')
  await writeFile(path, car)
  await mkdir(join(cwd, 'others'))
  await writeFile(join(cwd, 'others', 'other.car'), other)
  expect((await dagstore(cwd, ['add', '--eager', '--root', 'my store', 'others'])).code).toBe(0)
  expect((await dagstore(cwd, ['register-shard', '--eager', '--root', 'my store', KEY, pathToFileURL(path).href])).code).toBe(0)
  return { cwd, path, root: join(cwd, 'my store') }
}

const why = async ({ cwd }: Place, of = cid): Promise<{ readonly code: number, readonly steps: readonly { readonly name: string, readonly ok: boolean, readonly code: string | null, readonly detail: string }[], readonly fix: string | null }> => {
  const { code, stdout } = await dagstore(cwd, ['why', '--json', '--root', 'my store', of])
  const { Steps } = JSON.parse(stdout) as { readonly Steps: readonly { readonly Name: string, readonly OK: boolean, readonly Code: string | null, readonly Detail: string }[] }
  // for people its commands are for the same store
  const { stdout: told } = await dagstore(cwd, ['why', '--root', 'my store', of])
  return { code, steps: Steps.map(({ Name, OK, Code, Detail }) => ({ name: Name, ok: OK, code: Code, detail: Detail })), fix: /^fix: (.*)$/m.exec(told)?.[1] ?? null }
}

/** The command lines in a fix, as a shell takes them. */
const commandsIn = (fix: string): string[][] => (fix.match(/dagstore (?:'(?:[^']|'\\'')*'|[^;,'])+/gu) ?? [])
  .map((line) => [...line.matchAll(/(?:'[^']*'|\\'|[^\s'\\])+/gu)].map(([word]) => word.replaceAll(/'([^']*)'|\\(')/gu, '$1$2')).slice(1))

const indexOf = async ({ root }: Place): Promise<string> => {
  const names = await readdir(join(root, 'index'), { recursive: true })
  return join(root, 'index', names.find((name) => name.includes('%27') && name.endsWith('.idx')) ?? 'none')
}
const damaged = (at: number, fill?: number): Buffer => {
  const bytes = Buffer.from(car)
  if (fill === undefined) bytes[at]! ^= 1
  else bytes.fill(fill, at)
  return bytes
}
const lastAt = car.indexOf(Buffer.from(last.data))

describe('the fix that why prints', () => {
  it.each<{
    what: string, harm: (place: Place) => Promise<unknown>, step: string, code: string
    /** What the fix says in words, done by hand. */
    hand?: (place: Place) => Promise<unknown>
    /** Commands that are alternatives to what was done. */
    skip?: string
    words?: RegExp
  }>([
    { what: 'the file is gone', harm: ({ path }) => rm(path), step: 'source', code: 'MOUNT_MISSING', hand: ({ path }) => writeFile(path, car), skip: 'refresh', words: /^restore the file; or/ },
    { what: 'the file was moved', harm: ({ path }) => rename(path, `${path}.moved`), step: 'source', code: 'MOUNT_MISSING' },
    { what: 'the file was moved, and that was noticed', harm: async ({ path, cwd }) => { await rename(path, `${path}.moved`); await dagstore(cwd, ['verify-shard', '--root', 'my store', KEY]) }, step: 'state', code: 'MOUNT_MISSING', skip: 'recover-shard' },
    { what: 'the file is back, and the shard still errored', harm: async ({ path, cwd }) => { await rm(path); await dagstore(cwd, ['verify-shard', '--root', 'my store', KEY]); await writeFile(path, car) }, step: 'state', code: 'MOUNT_MISSING' },
    { what: 'the file was cut', harm: ({ path }) => writeFile(path, car.subarray(0, -10)), step: 'source', code: 'IO_SOURCE_CHANGED', hand: ({ path }) => writeFile(path, car), words: /^put back what was there/ },
    { what: 'the file has grown', harm: ({ path }) => writeFile(path, carV1([blocks[0]!.cid], blocks)), step: 'source', code: 'IO_SOURCE_CHANGED', words: /^dagstore refresh / },
    { what: 'a section is damaged', harm: ({ path }) => writeFile(path, damaged(lastAt - 37, 0xff)), step: 'section', code: 'CARV2_BAD_VARINT', hand: ({ path }) => writeFile(path, car), words: /^the source is damaged: restore it, then: dagstore verify-shard/ },
    { what: 'the block is damaged', harm: ({ path }) => writeFile(path, damaged(lastAt)), step: 'hash', code: 'BLOCKSTORE_HASH_MISMATCH', hand: ({ path }) => writeFile(path, car) },
    { what: 'the index is gone', harm: async (place) => rm(await indexOf(place)), step: 'section', code: 'INDEX_MISSING' },
    { what: 'the index is cut', harm: async (place) => { const name = await indexOf(place); await writeFile(name, (await readFile(name)).subarray(0, -100)) }, step: 'section', code: 'CARV2_INDEX_DAMAGED' },
    { what: 'nothing holds it', harm: ({ cwd }) => dagstore(cwd, ['destroy-shard', '--root', 'my store', KEY]), step: 'shards', code: 'BLOCKSTORE_NOT_FOUND' },
    { what: 'its shard was never indexed', harm: async ({ cwd, path }) => { await dagstore(cwd, ['destroy-shard', '--root', 'my store', KEY]); await dagstore(cwd, ['register-shard', '--root', 'my store', KEY, pathToFileURL(path).href]) }, step: 'shards', code: 'BLOCKSTORE_NOT_FOUND' },
    { what: 'its shard could not be indexed', harm: async ({ cwd, path }) => {
      await dagstore(cwd, ['destroy-shard', '--root', 'my store', KEY])
      await writeFile(path, car.subarray(0, -10))
      await dagstore(cwd, ['register-shard', '--eager', '--root', 'my store', KEY, pathToFileURL(path).href])
    }, step: 'shards', code: 'BLOCKSTORE_NOT_FOUND', hand: ({ path }) => writeFile(path, car) },
  ])('makes the block retrievable when $what', async ({ harm, step, code, hand, skip, words }) => {
    const place = await oneShard()
    await harm(place)
    const before = await why(place)
    expect(before.code).toBe(1)
    expect(before.steps.find(({ ok }) => !ok)).toMatchObject({ name: step, code })
    const fix = before.fix ?? ''
    if (words !== undefined) expect(fix).toMatch(words)
    await hand?.(place)
    const commands = commandsIn(fix).filter(([name]) => name !== skip)
    for (const words of commands) {
      expect(words.slice(1, 3)).toEqual(['--root', 'my store'])
      const args = words.map((word) => word === 'URL' ? pathToFileURL(`${place.path}.moved`).href : word === 'PATH' ? 'in.car' : word)
      const run = await dagstore(place.cwd, args)
      // bytes that were put back need nothing more
      if (words[0] !== 'refresh' || hand === undefined) expect(run.code, `${words.join(' ')}\n${run.stderr}`).toBe(0)
    }
    const after = await why(place)
    expect(after, fix).toMatchObject({ code: 0, fix: null })
  })

  it('shows no secret of a URL', async () => {
    const place = await oneShard()
    const { cwd } = place
    const url = 'http://127.0.0.1:1/a.car?token=SECRET'
    await dagstore(cwd, ['refresh', '--root', 'my store', KEY, '--mount', url])
    for (const args of [['why', cid], ['why', '--json', cid], ['why', '--debug', cid], ['verify-shard', KEY]]) {
      const run = await dagstore(cwd, [...args, '--root', 'my store'])
      expect(run.stdout + run.stderr).not.toContain('SECRET')
    }
  })
})
