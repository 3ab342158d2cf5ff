/** The client as one process on a disk and a database that may crash: imports, deals and retrievals. The files of its user are beside that. */
import { type CrashFs, type CrashLevel, type FakeClock, seededRandom, treeFile } from '@dagstore-tooling/testkit'
import { type ClientDealProblem, type DealClient, type DealSources, openDealClient, openRetrievalClient, type RetrievalClient, type RetrievalNode } from '@dagstore/deal-client'
import { type Imports, openImports, type SourceFiles } from '@dagstore/imports'
import { type AnyLevel, createBytesSource, IoError, type TreeEntry } from '@dagstore/io'
import { openRetrievals } from '@dagstore/retrievals'
import { engine, hashes } from './provider-side.ts'
import type { Process, WebHandler } from './wire.ts'

/** By absolute path; a test changes them as a user does. */
export type UserFiles = Map<string, Uint8Array>

const tagOf = (bytes: Uint8Array): string => `${bytes.byteLength}:${Buffer.from(hashes.digest(0x12, bytes)).toString('hex')}`

const sourcesOf = (files: UserFiles): SourceFiles => {
  const missing = (path: string): IoError => new IoError('IO_NOT_FOUND', `no such file; path=${path}`)
  const treeAt = (path: string): TreeEntry | undefined => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    const bytes = files.get(path)
    if (bytes !== undefined) return treeFile(name, bytes)
    const names = new Set([...files.keys()].filter((other) => other.startsWith(`${path}/`)).map((other) => other.slice(path.length + 1).split('/')[0]!))
    return names.size === 0 ? undefined : { kind: 'directory', name, async * entries () { for (const child of [...names].sort()) yield treeAt(`${path}/${child}`)! } }
  }
  return {
    open: async (path) => {
      const bytes = files.get(path)
      if (bytes === undefined) throw missing(path)
      return { ...createBytesSource(bytes, { identity: { kind: 'version', tag: tagOf(bytes), sizeBytes: bytes.byteLength } }), peek: () => undefined }
    },
    openTree: async (path) => {
      const tree = treeAt(path)
      if (tree === undefined) throw missing(path)
      return tree
    },
    stat: async (path) => {
      const bytes = files.get(path)
      return bytes === undefined ? treeAt(path) && { kind: 'directory', sizeBytes: 0 } : { kind: 'file', sizeBytes: bytes.byteLength }
    },
    fingerprint: async (path) => [...files].filter(([other]) => other === path || other.startsWith(`${path}/`)).map(([other, bytes]) => `${other}:${tagOf(bytes)}`).join(),
  }
}

export interface ClientSide {
  readonly process: Process
  readonly imports: Imports
  readonly deals: DealClient
  readonly retrievals: RetrievalClient
  readonly problems: ClientDealProblem[]
  /** `/deals/v1/payloads/`. */
  readonly handler: WebHandler
  close(): Promise<void>
}

export interface ClientOptions {
  readonly fs: CrashFs
  readonly db: CrashLevel
  readonly clock: FakeClock
  readonly user: UserFiles
  readonly fetchOf: (process: Process) => typeof fetch
  /** Data that are in no import. */
  readonly behind?: DealSources | undefined
  readonly node?: RetrievalNode | undefined
  readonly maxTransfers?: number | undefined
  /** Of its random numbers; each process another one. */
  readonly seed: string
}

export const openClientSide = async ({ fs, db, clock, user, fetchOf, behind, node, maxTransfers, seed }: ClientOptions): Promise<ClientSide> => {
  const process: Process = { faults: fs.faults, gone: new AbortController() }
  const random = seededRandom(`client ${seed}`)
  const send = fetchOf(process)
  const imports = await openImports({ db: db as AnyLevel, directory: fs.directory.child('imports'), hashes, clock, sources: sourcesOf(user) })
  const problems: ClientDealProblem[] = []
  const deals = await openDealClient({
    db: db as AnyLevel, hashes, clock, fetch: send, random, engine, publicUrl: 'http://client.test/', maxTransfers,
    sources: {
      open: async (root, options) => {
        const found = await imports.openRoot(root, options)
        if (found === undefined) return behind?.open(root, options)
        const { blockstore, record } = found
        return { store: blockstore, verified: true, piece: record.piece, setPiece: (piece) => imports.setPiece(record.id, piece, { root }), close: () => found.close() }
      },
    },
    onProblem: (problem) => { problems.push(problem) },
  })
  const retrievals = await openRetrievalClient({
    db: db as AnyLevel, retrievals: openRetrievals({ directory: fs.directory.child('retrievals'), hashes, clock }), hashes, fetch: send, clock, random, node,
    local: (root, options) => imports.openRoot(root, options),
    onProblem: ({ id, error }) => { problems.push({ deal: `retrieval ${id}`, error }) },
  })
  const close = async (): Promise<void> => {
    process.gone.abort(new Error('the process has ended'))
    for (const end of [() => retrievals.close(), () => deals.close(), () => imports.close()]) await end().catch((error: unknown) => { if (!fs.faults.crashed) throw error })
  }
  return { process, imports, deals, retrievals, problems, handler: (request) => deals.payloadHandler(request, { client: 'provider' }), close }
}
