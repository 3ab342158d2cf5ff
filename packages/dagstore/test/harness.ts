/** A store on memory, or on a world that crashes, and shards whose mounts do as a test says. */
import { carV1, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { createHashes } from '@dagstore/hashes'
import { type AnyLevel, createBytesSource, createMemoryDirectory, type Directory, type SourceCost, type SourceIdentity } from '@dagstore/io'
import { createMountRegistry, type Mount, type MountBytes, MountError, type MountFactory } from '@dagstore/mounts'
import { MemoryLevel } from 'memory-level'
import { CID } from 'multiformats/cid'
import { type Dagstore, type DagstoreEvent, type DagstoreOptions, openDagstore } from '../src/index.ts'

export interface TestBlock { readonly cid: CID, readonly data: Uint8Array }
export interface TestCar { readonly bytes: Uint8Array, readonly blocks: readonly TestBlock[], readonly roots: readonly CID[] }

/** A CARv1 of seeded blocks, the first one its root. */
export const makeCar = (seed: number, count = 8, paddingBytes = 0): TestCar => {
  const made = makeBlocks(seed, count, { min: 10, max: 400 })
  const blocks = made.map(({ cid, data }) => ({ cid: CID.decode(cid), data }))
  const bytes = carV1([made[0]!.cid], made, { paddingBytes })
  return { bytes, blocks, roots: [blocks[0]!.cid] }
}

/** A CAR as long as `car`, each block with other data. */
export const carWithData = ({ blocks }: TestCar, fill: number): TestCar => {
  const made = blocks.map(({ data }, at) => makeBlock(new Uint8Array(data.byteLength).fill(fill + at)))
  const others = made.map(({ cid, data }) => ({ cid: CID.decode(cid), data }))
  return { bytes: carV1([made[0]!.cid], made), blocks: others, roots: [others[0]!.cid] }
}

/** What stands behind the `test:` URLs of one test. */
export class Sources implements MountFactory {
  readonly scheme = 'test'
  readonly #places: Map<string, Place> = new Map()
  /** Opens so far, by name. */
  readonly opens: Map<string, number> = new Map()
  /** Sources that are open. */
  open = 0

  place (name: string): Place {
    let place = this.#places.get(name)
    if (place === undefined) this.#places.set(name, place = new Place())
    return place
  }

  put (name: string, car: TestCar | Uint8Array, options: Partial<Pick<Place, 'access' | 'identity' | 'cost'>> = {}): string {
    const place = this.place(name)
    place.bytes = car instanceof Uint8Array ? car : car.bytes
    Object.assign(place, options)
    return `test:${name}`
  }

  mount (url: string): Mount {
    const name = url.slice('test:'.length).toLowerCase()
    if (name === '') throw new MountError('MOUNT_BAD_URL', 'a test URL has a name')
    const place = this.place(name)
    return {
      url: `test:${name}`,
      stat: async () => {
        await place.before('stat')
        return { exists: place.bytes !== undefined, sizeBytes: place.bytes?.byteLength, ready: place.ready, access: place.access }
      },
      open: async (options) => {
        this.opens.set(name, (this.opens.get(name) ?? 0) + 1)
        await place.before('open', options?.signal)
        return this.#bytesOf(place)
      },
    }
  }

  #bytesOf (place: Place): MountBytes {
    const { bytes } = place
    if (bytes === undefined) throw new MountError('MOUNT_MISSING', 'nothing is there')
    const identity: SourceIdentity = place.identity ?? { kind: 'version', tag: `"${place.version}"`, sizeBytes: bytes.byteLength }
    if (place.access === 'sequential') {
      return { access: 'sequential', identity, resumable: false, stream: async function * () {
        await place.streaming()
        yield place.short ? bytes.slice(0, -1) : bytes.slice()
      } }
    }
    this.open++
    const source = createBytesSource(bytes, { identity })
    let closed = false
    const close = async (): Promise<void> => {
      if (!closed) this.open--
      closed = true
      await source.close()
    }
    const read: typeof source.read = async (at, length, options) => {
      await place.before('read', options?.signal)
      place.onRead(at, length)
      return source.read(at, length, options)
    }
    return { access: 'random', source: { ...source, ...(place.cost === undefined ? {} : { cost: place.cost }), peek: () => undefined, read, close, [Symbol.asyncDispose]: close } }
  }
}

export class Place {
  bytes: Uint8Array | undefined
  access: 'random' | 'sequential' = 'random'
  identity: SourceIdentity | undefined
  /** Raised by a test that changes the bytes. */
  version = 1
  /** Opening it starts no slow work. */
  ready = true
  /** What a read costs. @default memory */
  cost: SourceCost | undefined
  onRead: (at: number, length: number) => void = () => {}
  /** A stream ends one byte early. */
  short = false
  /** Before a stream gives its bytes. */
  streaming: () => Promise<void> = async () => {}
  /** May fail or wait. */
  before: (step: 'stat' | 'open' | 'read', signal?: AbortSignal) => Promise<void> = async () => {}
}

/** A directory whose files read wrong where a test says so; what is stored stays right. */
export class WrongReads {
  /** Names below which every read has its bits flipped. */
  readonly below: Set<string> = new Set()

  over (directory: Directory, prefix = ''): Directory {
    const wrong = (name: string): boolean => [...this.below].some((start) => (prefix + name).startsWith(start))
    return {
      ...directory,
      child: (name) => this.over(directory.child(name), `${prefix}${name}/`),
      openSource: async (name, options) => {
        const source = await directory.openSource(name, options)
        return {
          ...source,
          peek: () => undefined,
          read: async (at, length, call) => {
            const bytes = await source.read(at, length, call)
            return wrong(name) ? bytes.map((byte) => byte ^ 1) : bytes
          },
        }
      },
    }
  }
}

export interface Harness extends AsyncDisposable {
  readonly store: Dagstore
  readonly sources: Sources
  readonly files: Directory
  readonly db: MemoryLevel<any, any>
  readonly events: DagstoreEvent[]
  readonly wrong: WrongReads
  /** The same storage and sources in what would be the next process; this one is closed first. */
  reopen(options?: Partial<DagstoreOptions>): Promise<Harness>
}

interface Storage { readonly db: AnyLevel, readonly files: Directory, readonly sources: Sources }

export const openHarness = async (options: Partial<DagstoreOptions> = {}, storage: Partial<Storage> = {}): Promise<Harness> => {
  const { files = createMemoryDirectory('test'), sources = new Sources() } = storage
  // any engine will do; a subclass of this one is not assignable to it
  const db = (storage.db ?? new MemoryLevel<any, any>({ storeEncoding: 'view' })) as MemoryLevel<any, any>
  const events: DagstoreEvent[] = []
  const wrong = new WrongReads()
  const store = await openDagstore({
    db, files: wrong.over(files), mounts: createMountRegistry([sources]), hashes: createHashes(), clock: createFakeClock(), onEvent: (event) => { events.push(event) }, ...options,
  })
  return {
    store, sources, files, db, events, wrong,
    reopen: async (next = {}) => {
      await store.close()
      return openHarness({ ...options, ...next }, { db, files, sources })
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** A promise and what settles it. */
export const gate = (): { readonly passed: Promise<void>, readonly open: () => void } => {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => { open = resolve })
  return { passed, open: () => { open() } }
}

/** Every name in a directory, folders walked. */
export const namesIn = async (directory: Directory, folder = ''): Promise<string[]> => {
  const names: string[] = []
  for (const { name, kind } of await directory.list(folder)) {
    const path = folder === '' ? name : `${folder}/${name}`
    if (kind === 'directory') names.push(...await namesIn(directory, path))
    else names.push(path)
  }
  return names
}

export const collectAll = async <T>(items: AsyncIterable<T> | Iterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** What a promise rejects with; a promise that resolves is a failure of the test. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(
  (value) => { throw new Error(`resolved with ${String(value)}`) },
  (error: unknown) => error
)

export const codeOf = (error: unknown): unknown => typeof error === 'object' && error !== null && 'code' in error ? error.code : error

/** Until `condition` holds; the test's own limit ends a wait that is in vain. */
export const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  while (!await condition()) await new Promise((resolve) => { setImmediate(resolve) })
}
