/** `kill -9` of a process that works on a store, again and again: what it was told before its end holds, and nothing is left over. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@dagstore-tooling/testkit'
import { bundleProgram } from '@dagstore-tooling/testkit/bundle'
import type { ShardInfo } from '@dagstore/dagstore'
import { indexName } from '@dagstore/index-repo'
import { transientName } from '@dagstore/mounts'
import { type NodeDagstore, openDagstore } from '@dagstore/node'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { type Car, carPath, CARS, KEYS, makeCar, numberOf, orderedFiles } from '../src/killed/shards.ts'

const LONG = process.env['DAGSTORE_LONG'] !== undefined
const KILLS = LONG ? 300 : 15
const SEED = LONG ? `${process.env['DAGSTORE_SEED'] ?? 'long'}` : 'killed'

/** What a call of the worker may be refused with; anything else is a failure of the store. */
const REFUSALS: ReadonlySet<string> = new Set([
  'DAGSTORE_SHARD_EXISTS', 'DAGSTORE_SHARD_UNKNOWN', 'DAGSTORE_NOT_ERRORED', 'DAGSTORE_SHARD_DESTROYED',
])

type Line = readonly ['open'] | readonly ['call' | 'done', string, string, string] | readonly ['refused', string, string, string, string]

/** A shard as it may be: `undefined` is not registered. */
interface Known { readonly car: number, readonly indexed: boolean }
/** One when everything was answered; two while a call is under way. */
type States = readonly (Known | undefined)[]

/** What an answered call makes of a shard. */
const after = (step: string, url: string, before: Known | undefined): Known | undefined => {
  switch (step) {
    case 'register': return before ?? { car: numberOf(url), indexed: false }
    case 'eager': return { car: before?.car ?? numberOf(url), indexed: true }
    case 'acquire':
    case 'initialize':
    case 'recover': return before === undefined ? undefined : { ...before, indexed: true }
    case 'refresh': return before === undefined ? undefined : { car: numberOf(url), indexed: before.indexed }
    case 'destroy': return undefined
    case 'gc': return before
    default: throw new Error(`no such step: ${step}`)
  }
}

/** What the log says of each shard, from what was known before. A call without an answer may have had any part of its effect. */
const read = (lines: readonly Line[], start: ReadonlyMap<string, Known | undefined>): Map<string, States> => {
  const known = new Map<string, States>([...start].map(([key, state]) => [key, [state]]))
  for (const line of lines) {
    if (line[0] === 'open') continue
    const [kind, step, key, url] = line
    const [before] = known.get(key)!
    const next = after(step, url, before)
    if (kind === 'call') known.set(key, [before, ...(next === undefined || step !== 'eager' ? [next] : [next, { ...next, indexed: false }])])
    else known.set(key, [kind === 'done' ? next : before])
    if (line[0] === 'refused') expect(REFUSALS, JSON.stringify(line)).toContain(line[4])
  }
  return known
}

const linesOf = async (log: string): Promise<Line[]> => existsSync(log)
  // the last line may be torn only if the kill met the write itself
  ? (await readFile(log, 'utf8')).split('\n').slice(0, -1).map((line) => JSON.parse(line) as Line)
  : []

/** Run the worker and kill it `delayMs` after so many of its calls were answered; `undefined`: after its start. */
const runAndKill = async (args: readonly string[], log: string, { delayMs, answers }: { readonly delayMs: number, readonly answers: number | undefined }): Promise<Line[]> => {
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString() })
  let gone = false
  exited.then(() => { gone = true }, () => { gone = true })
  const isDue = async (): Promise<boolean> => answers === undefined || gone || (existsSync(log) && (await linesOf(log)).filter(([kind]) => kind === 'done').length >= answers)
  while (!await isDue()) await new Promise((resolve) => { setTimeout(resolve, 5) })
  await new Promise((resolve) => { setTimeout(resolve, delayMs) })
  child.kill('SIGKILL')
  const [code, signal] = await exited
  if (signal !== 'SIGKILL') throw new Error(`the worker ended by itself; code=${code}\n${errors}`)
  return linesOf(log)
}

const allShards = async (store: NodeDagstore): Promise<ShardInfo[]> => {
  const all: ShardInfo[] = []
  for await (const info of store.shards()) all.push(info)
  return all
}

const settled = async (store: NodeDagstore): Promise<Map<string, ShardInfo>> => {
  for (;;) {
    const infos = await allShards(store)
    if (infos.every(({ health, destroying }) => !destroying && health !== 'initializing' && health !== 'recovering')) return new Map(infos.map((info) => [info.key, info]))
    await new Promise((resolve) => { setTimeout(resolve, 5) })
  }
}

const filesBelow = (folder: string, at = ''): string[] => existsSync(join(folder, at))
  ? readdirSync(join(folder, at), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? filesBelow(folder, join(at, entry.name)) : [join(at, entry.name)]))
  : []

/** Files below a folder that this process has open; none where that cannot be seen. */
const openBelow = (folder: string): readonly string[] => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd') : []).flatMap((fd) => {
  try {
    return [readlinkSync(`/proc/self/fd/${fd}`)].filter((path) => path.startsWith(folder))
  } catch {
    return [] // the one that listed the folder
  }
})

it(`holds what it answered, through ${KILLS} kills`, async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'dagstore-killed-')))
  try {
    const [root, carFolder, worker] = [join(folder, 'store'), join(folder, 'cars'), join(folder, 'worker.mjs')]
    await mkdir(carFolder)
    const cars: Car[] = Array.from({ length: CARS }, (_, number) => makeCar(number))
    for (const [number, { bytes }] of cars.entries()) await writeFile(carPath(carFolder, number), bytes)
    // what others keep in the store's folders
    const foreign = ['index/notes.txt', 'transients/3f/mine.transient', 'transients/old.partial', 'a.car']
    for (const name of foreign) {
      await mkdir(join(root, name, '..'), { recursive: true })
      await writeFile(join(root, name), name)
    }
    await bundleProgram(new URL('../src/killed/worker.ts', import.meta.url), worker, import.meta.resolve('classic-level'))
    const random = seededRandom(SEED)
    let known = new Map<string, Known | undefined>(KEYS.map((key) => [key, undefined]))
    let answered = 0
    let underWay = 0

    for (let kill = 0; kill < KILLS; kill++) {
      const log = join(folder, `${kill}.log`)
      const early = random.chance(0.1)
      const lines = await runAndKill([worker, root, carFolder, log, `${SEED}/${kill}`], log, { answers: early ? undefined : random.int(8), delayMs: random.int(early ? 300 : 60) })
      const states = read(lines, known)
      answered += lines.filter(([kind]) => kind === 'done').length
      underWay += [...states.values()].filter(({ length }) => length > 1).length

      const store = await openDagstore(root, { mounts: [orderedFiles()] })
      const infos = await settled(store)
      const expected: string[] = []
      for (const [key, possible] of states) {
        const at = `${key} after kill ${kill}, seed ${SEED}`
        const info = infos.get(key)
        const found = info === undefined ? undefined : { car: numberOf(info.mountUrl), indexed: info.health === 'available' }
        expect(possible.map((state) => state?.car), at).toContain(found?.car)
        if (info === undefined || found === undefined) continue
        expect(info.health, at).not.toBe('errored')
        // an index that was told of is there
        if (possible.every((state) => state?.indexed === true)) expect(found.indexed, at).toBe(true)
        await using lease = await store.acquire(key)
        const { blocks } = cars[found.car]!
        expect(lease.roots.map(String), at).toEqual([CID.decode(blocks[0]!.cid).toString()])
        for (const { cid, data } of blocks.filter((_, n) => n % 17 === 0)) expect(Buffer.compare(await lease.blockstore.bytes(CID.decode(cid)), data), at).toBe(0)
        expect(await store.find(CID.decode(blocks[3]!.cid).multihash.bytes), at).toContain(key)
        const { indexGeneration, dataGeneration, mountUrl } = (await store.shard(key))!
        expected.push(join('index', indexName(key, indexGeneration)))
        if (mountUrl.startsWith('ordered:')) expected.push(join('transients', transientName(key, dataGeneration)))
      }
      known = new Map(await Promise.all(KEYS.map(async (key) => {
        const info = await store.shard(key)
        return [key, info === undefined ? undefined : { car: numberOf(info.mountUrl), indexed: info.health === 'available' }] as const
      })))
      // a hit is only ever of a shard that has the block
      for (const [number, { blocks }] of cars.entries()) {
        const wanted = [...known].filter(([, state]) => state?.car === number).map(([key]) => key)
        expect((await store.find(CID.decode(blocks[5]!.cid).multihash.bytes)).toSorted()).toEqual(wanted.toSorted())
      }
      const inUse = (): string[] => filesBelow(root).filter((name) => !name.startsWith('db') && name !== 'owner.json').toSorted()
      const wanted = [...expected, ...foreign.map((name) => join(name))].toSorted()
      // garbage of the last process is cleared away in the background
      while (inUse().length > wanted.length) await new Promise((resolve) => { setTimeout(resolve, 5) })
      expect(inUse(), `files after kill ${kill}, seed ${SEED}`).toEqual(wanted)
      if (kill % 4 === 3) {
        // every copy can be had again, so none is needed
        expect(await store.gc()).toMatchObject({ failures: 0 })
        expect(inUse()).toEqual(wanted.filter((name) => name.startsWith('index') || foreign.includes(name)))
      }
      await store.close()
      // what was being read when the store was closed is closed behind that
      while (openBelow(folder).length > 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
      await rm(log, { force: true })
    }
    expect(answered).toBeGreaterThan(KILLS)
    expect(underWay).toBeGreaterThan(KILLS)

    const store = await openDagstore(root, { mounts: [orderedFiles()] })
    for (const { key } of await allShards(store)) await store.destroy(key)
    await store.close()
    expect(filesBelow(root).filter((name) => !name.startsWith('db')).toSorted()).toEqual(foreign.map((name) => join(name)).toSorted())
    for (const name of foreign) expect(await readFile(join(root, name), 'utf8')).toBe(name)
    for (const [number, { bytes }] of cars.entries()) expect(Buffer.compare(await readFile(carPath(carFolder, number)), bytes)).toBe(0)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
