/** The folder of a Go DAG store, in memory, and a store that takes it over. */
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { buildIndex } from '@dagstore/carv2'
import { type Dagstore, openDagstore } from '@dagstore/dagstore'
import { createHashes } from '@dagstore/hashes'
import { type AnyLevel, createBytesSource, createMemoryDirectory, type Directory, IoError } from '@dagstore/io'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { bytesMount, createMountRegistry } from '@dagstore/mounts'
import { MemoryLevel } from 'memory-level'
import { CID } from 'multiformats/cid'
import { adoptDagstore, type AdoptDagstoreOptions, type AdoptLine, type AdoptReportLine, type AdoptResult } from '../src/index.ts'
import { pieceAt } from './migrate-harness.ts'

export interface TestCar { readonly bytes: Uint8Array, readonly blocks: readonly { readonly cid: CID, readonly data: Uint8Array }[] }

export const carAt = (seed: number, count = 8): TestCar => {
  const made = makeBlocks(seed, count, { min: 10, max: 400 })
  return { bytes: carV1([made[0]!.cid], made), blocks: made.map(({ cid, data }) => ({ cid: CID.decode(cid), data })) }
}

export const goIndex = async (car: TestCar, codec: 0x0400 | 0x0401 = 0x0401): Promise<Uint8Array> => {
  const chunks = [...(await buildIndex(createBytesSource(car.bytes))).encodeStandard(codec)]
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]))
}

export const keyAt = (at: number): string => pieceAt(at).toString()
export const NUMBERS = { new: 0, initializing: 1, available: 2, serving: 3, recovering: 0x80, errored: 0xf0 } as const

export interface GoShard { readonly key?: string, readonly url?: string, readonly state?: number, readonly transient?: string, readonly error?: string }

/** `shards` by number: `keyAt(number)` at `lotus://`, unless they say otherwise. */
export const goRecordsOf = async (shards: Readonly<Record<number, GoShard>>): Promise<MemoryLevel<any, any>> => {
  const db = new MemoryLevel<any, any>({ storeEncoding: 'view' })
  for (const [at, { key = keyAt(Number(at)), url = `lotus://${key}`, state = 2, transient = '', error = '' }] of Object.entries(shards)) {
    await db.put(`/dagstore/${key}`, JSON.stringify({ k: key, u: url, t: transient, s: state, l: true, e: error }))
  }
  await db.put('/inverted/index/abc', '[]')
  return db
}

export const folderOf = async (files: Readonly<Record<string, Uint8Array>>): Promise<Directory> => {
  const folder = createMemoryDirectory('go')
  await folder.writeAtomic('index/.version', [new TextEncoder().encode('1')])
  for (const [name, bytes] of Object.entries(files)) await folder.writeAtomic(name, [bytes])
  return folder
}

export interface AdoptHarness extends AsyncDisposable {
  readonly dagstore: Dagstore
  readonly files: Directory
  readonly lines: AdoptReportLine[]
  /** Opens of each piece so far, by key. */
  readonly opened: Map<string, number>
  adopt(folder: Directory, records: AnyLevel, options?: Partial<AdoptDagstoreOptions>): Promise<AdoptResult>
  line(at: number): Omit<AdoptLine, 'key'>
}

export const openAdoptHarness = async (cars: Readonly<Record<number, TestCar>>, storage: { readonly db?: AnyLevel, readonly files?: Directory, readonly lent?: Directory } = {}): Promise<AdoptHarness> => {
  const { db = new MemoryLevel<any, any>({ storeEncoding: 'view' }), files = createMemoryDirectory('store'), lent } = storage
  const opened = new Map<string, number>()
  const held = new Map(Object.entries(cars).map(([at, car]) => [keyAt(Number(at)), car.bytes]))
  const bytesOf = (piece: { toString (): string } | Uint8Array): Uint8Array => {
    const bytes = held.get(String(piece))
    if (bytes === undefined) throw Object.assign(new Error('nobody has it now'), { code: 'PIECE_NO_SOURCE', retry: 'later' })
    return bytes
  }
  const loader = lotusMount({
    stat: async (piece) => ({ unsealed: 'yes', pieceBytes: bytesOf(piece as CID).byteLength }),
    open: async (piece) => {
      opened.set(String(piece), (opened.get(String(piece)) ?? 0) + 1)
      const bytes = bytesOf(piece as CID)
      return createBytesSource(bytes, { identity: { kind: 'content', cid: String(piece), sizeBytes: bytes.byteLength } })
    },
  })
  const refuse = async (): Promise<never> => { throw new IoError('IO_FORBIDDEN', 'nothing of the folder is taken') }
  const dagstore = await openDagstore({
    db, files, mounts: createMountRegistry([loader, bytesMount()]), hashes: createHashes(), clock: createFakeClock(),
    ...(lent === undefined ? {} : { transients: { localFiles: { recorded: (path) => path, open: (path, options) => lent.openSource(path, options), move: refuse, link: refuse } } }),
  })
  const lines: AdoptReportLine[] = []
  return {
    dagstore, files, lines, opened,
    adopt: (folder, records, options = {}) => {
      lines.length = 0
      return adoptDagstore({
        folder, records, dagstore, clock: createFakeClock(), onReport: (more) => { lines.push(...more) },
        ...(lent === undefined ? {} : { transientPath: (name) => `transients/${name}` }), ...options,
      })
    },
    line: (at) => {
      const { key: _, ...line } = lines.find((one): one is AdoptLine => 'key' in one && one.key === keyAt(at))!
      return line
    },
    [Symbol.asyncDispose]: () => dagstore.close(),
  }
}

/** Every file with its bytes. */
export const filesIn = async (directory: Directory, folder = ''): Promise<Record<string, string>> => {
  const found: Record<string, string> = {}
  for (const { name, kind } of await directory.list(folder)) {
    const path = folder === '' ? name : `${folder}/${name}`
    if (kind === 'directory') {
      Object.assign(found, await filesIn(directory, path))
      continue
    }
    const source = await directory.openSource(path)
    found[path] = Buffer.from(await source.read(0, source.sizeBytes)).toString('hex')
    await source.close()
  }
  return found
}
