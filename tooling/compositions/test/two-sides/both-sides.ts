/** Client and provider, each its own process, disk and database, and the wire between them; either may die and come back. */
import { type CrashWorld, createCrashWorld, createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import { seededBytes } from '@dagstore-tooling/fixtures'
import type { ClientDeal, DealParams, Retrieval, RetrievalOrder } from '@dagstore/deal-client'
import type { Directory } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { type ClientOptions, type ClientSide, openClientSide, type UserFiles } from './client-side.ts'
import { openProviderSide, type ProviderOptions, type ProviderSide } from './provider-side.ts'
import { type Fate, isGone, PASS, type Process, type WebHandler, wire } from './wire.ts'

export const PROVIDER = 'http://provider.test/'
export const GATEWAY = 'http://gateway.test/'

export type SideName = 'client' | 'provider'

export interface SidesOptions {
  readonly seed: string
  readonly user?: UserFiles
  readonly client?: Partial<ClientOptions>
  readonly provider?: Partial<ProviderOptions>
  readonly capacity?: Partial<Readonly<Record<SideName, number>>>
  /** Another client of that provider. */
  readonly at?: Sides
}

export class Sides {
  readonly clock: FakeClock
  readonly user: UserFiles
  /** What becomes of each request; by who asks. */
  fate: (request: Request, from: SideName) => Fate = () => PASS
  readonly #options: SidesOptions
  readonly #worlds: Record<SideName, CrashWorld>
  #client: ClientSide | undefined
  #provider: ProviderSide | undefined
  #runs = 0

  private constructor (options: SidesOptions, worlds: Record<SideName, CrashWorld>) {
    this.#options = options
    this.#worlds = worlds
    this.clock = options.at?.clock ?? createFakeClock()
    this.user = options.user ?? options.at?.user ?? userFiles()
  }

  static async open (options: SidesOptions): Promise<Sides> {
    const { seed, capacity } = options
    const worldOf = (name: SideName): Promise<CrashWorld> => createCrashWorld(`${seed} ${name}`, capacity?.[name] === undefined ? {} : { capacityBytes: capacity[name] })
    const { at } = options
    const sides = new Sides(options, { client: await worldOf('client'), provider: at?.world('provider') ?? await worldOf('provider') })
    if (at === undefined) await sides.start('provider')
    else sides.#provider = at.provider
    await sides.start('client')
    return sides
  }

  get client (): ClientSide { return this.#client! }
  get provider (): ProviderSide { return this.#provider! }
  world (name: SideName): CrashWorld { return this.#worlds[name] }
  side (name: SideName): ClientSide | ProviderSide { return name === 'client' ? this.client : this.provider }

  async start (name: SideName): Promise<void> {
    const { clock } = this
    const { fs, db } = this.#worlds[name]
    const fetchOf = (from: Process): typeof fetch => wire({ from, to: (url) => this.#at(url.hostname), fate: (request) => this.fate(request, name) })
    if (name === 'provider') this.#provider = await openProviderSide({ clock, fs, db, fetchOf, ...this.#options.provider })
    else this.#client = await openClientSide({ clock, fs, db, user: this.user, fetchOf, seed: `${this.#options.seed} ${this.#runs++}`, ...this.#options.client })
  }

  /** Something in its place that a test has made. */
  replace (_: 'provider', parts: Partial<ProviderSide>): void { this.#provider = { ...this.provider, ...parts } }

  #at (host: string): { readonly process: Process, readonly handler: WebHandler } | undefined {
    const { client, provider } = this
    switch (host) {
      case 'client.test': return client
      case 'provider.test': return provider
      case 'gateway.test': return { process: provider.process, handler: provider.gateway }
      default: return undefined
    }
  }

  /** Its process ends as it is; the next one finds what the disk has. @param chance - what of the unsynced is there */
  async restart (name: SideName, chance: number | string = 0): Promise<void> {
    // nothing that it does from now on reaches its disk
    const { faults } = this.#worlds[name]
    faults.crashAfter(faults.changes)
    const old = this.side(name)
    old.process.gone.abort(new Error('the process is gone'))
    this.#worlds[name] = await this.#worlds[name].recover(chance)
    await old.close().catch(() => {})
    await this.start(name)
  }

  /** A process that ends well, and the next one. */
  async reopen (name: SideName): Promise<void> {
    await this.side(name).close()
    await this.start(name)
  }

  /** Waits until the condition holds; time goes on meanwhile, slowly. @throws {GoneError} a process has crashed */
  async until (condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let turns = 1; ; turns++) {
      this.#check()
      try {
        if (await condition()) return
      } catch (error) {
        this.#check()
        throw error
      }
      await this.turn()
      if (turns % 20 === 0) await this.clock.advance(1500)
    }
  }

  /** Of the event loop. */
  turn (): Promise<void> { return new Promise((resolve) => { setImmediate(resolve) }) }

  #check (): void {
    for (const name of ['client', 'provider'] as const) if (isGone(this.side(name).process)) throw new GoneError(name)
  }

  /** Something of a call, told apart from the end of a process. */
  async during<T> (work: Promise<T>): Promise<T> {
    let done = false
    work.then(() => { done = true }, () => { done = true })
    await this.until(() => done)
    try {
      return await work
    } catch (error) {
      this.#check()
      throw error
    }
  }

  async dealIs (proposalCid: CID, is: (deal: ClientDeal) => boolean): Promise<ClientDeal> {
    let deal: ClientDeal | undefined
    await this.until(async () => {
      deal = await this.client.deals.deal(proposalCid)
      if (deal?.state === 'StorageDealError' && !is(deal)) throw new Error(deal.stages.map(({ state, message }) => `${state}: ${message}`).join('; '))
      return deal !== undefined && is(deal)
    })
    return deal!
  }

  /** The deal once it is active at both sides, and its shard at the provider there. */
  async active (proposalCid: CID): Promise<ClientDeal> {
    const deal = await this.dealIs(proposalCid, ({ state }) => state === 'StorageDealActive')
    await this.until(async () => (await this.provider.deals.deal(proposalCid))?.shard.state === 'registered')
    return deal
  }

  /** What a user does: what is there already stays. */
  async deal (root: CID, more: Partial<DealParams> = {}): Promise<ClientDeal> {
    const known = (await this.during(collect(this.client.deals.deals()))).find((one) => one.root?.equals(root) === true)
    return this.active((known ?? await this.during(this.client.deals.start({ provider: PROVIDER, root, ...more }))).proposalCid)
  }

  async retrieve (root: CID, more: Partial<RetrievalOrder> = {}): Promise<Retrieval> {
    const order = { root, providers: [PROVIDER], localFirst: false, ...more }
    const known = (await this.during(collect(this.client.retrievals.retrievals()))).find((one) => one.root.equals(root) && one.selector === more.selector)
    return this.during(this.client.retrievals.retrieve({ ...order, ...known === undefined ? {} : { id: known.id } }))
  }

  /** Files and their bytes, by path below the one that was imported, as they come out of a retrieval. */
  async exported ({ file, root }: Retrieval): Promise<Map<string, Uint8Array>> {
    const { tree, close } = await this.client.retrievals.files.export(file!, root)
    try {
      const found = new Map<string, Uint8Array>()
      const look = async (entry: typeof tree, path: string): Promise<void> => {
        if (entry.kind === 'file') found.set(path, new Uint8Array(Buffer.concat(await collect(entry.read()))))
        if (entry.kind === 'directory') for await (const child of entry.entries()) await look(child, `${path}/${child.name}`)
      }
      await look(tree, '')
      return found
    } finally {
      await close()
    }
  }

  async import (path = '/home/data'): Promise<CID> { return (await this.during(this.client.imports.importPath(path))).root }

  files (name: SideName): Directory { return this.#worlds[name].fs.directory }

  /** Names at the provider that should not stay. */
  staged (): string[] { return this.#worlds.provider.fs.names().filter((name) => name.startsWith('deal-staging/')) }

  /** Nothing stays behind: no file at hand, no timer once its time is over. */
  async close (): Promise<void> {
    await this.#client?.close()
    await this.#provider?.close()
    await this.clock.advance(3_600_000)
    if (this.clock.sleeping > 0) throw new Error(`somebody sleeps after the end; sleeping=${this.clock.sleeping}`)
  }
}

export class GoneError extends Error {
  readonly side: SideName
  constructor (side: SideName) {
    super(`the process is gone: ${side}`)
    this.side = side
  }
}

/** A folder: files of one chunk, one that its CID holds itself, one in several chunks. */
export const userFiles = (big = 0): UserFiles => new Map([
  ['/home/data/a.bin', seededBytes(1, 700)],
  ['/home/data/b.bin', seededBytes(2, 3000)],
  ['/home/data/empty', new Uint8Array()],
  ['/home/data/sub/small', seededBytes(3, 100)],
  ['/home/data/sub/c.bin', seededBytes(4, 1200)],
  ...big === 0 ? [] : [['/home/data/big.bin', seededBytes(5, big)] as const],
])

/** As {@link Sides.exported} has them. */
export const below = (user: UserFiles, path = '/home/data'): Map<string, Uint8Array> =>
  new Map([...user].filter(([name]) => name.startsWith(`${path}/`) || name === path).map(([name, bytes]) => [name.slice(path.length), bytes] as const).sort())

export const sorted = (files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> => new Map([...files].sort(([x], [y]) => (x < y ? -1 : 1)))

export const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
