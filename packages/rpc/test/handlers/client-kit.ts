/** The client's side as a test makes it: imports in memory, asked as a caller with all permissions is. */
import { createRpcServer, parseJson } from '@dagstore/json-rpc'
import { type LotusApi, methodsOf, type Permission, PERMISSIONS } from '@dagstore/lotus-api'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import { type ClientDataParts, type ClientImportFacts, type ClientImportParts, type ClientParts, createHandlers } from '../../src/handlers/index.ts'

export const cidOf = (text: string): CID => CID.createV1(0x55, identity.digest(new TextEncoder().encode(text)))

export const importFacts = (id: bigint, more: Partial<ClientImportFacts> = {}): ClientImportFacts => ({
  id, root: cidOf(`root ${id}`), source: 'import', filename: `/data/${id}`, carPath: `/store/imports/${id}.car`, form: 'ref', profile: 'lotus-2021', blocks: 3, carBytes: 500, fileBytes: 1000,
  piece: undefined, ...more,
})

const unasked = (): never => { throw new Error('not to be asked') }

/** Whatever a test does not give fails. */
export const importParts = (given: Partial<ClientImportParts> = {}): ClientImportParts => ({
  importPath: async () => unasked(),
  importStream: async () => unasked(),
  list: () => unasked(),
  check: () => unasked(),
  remove: async () => unasked(),
  reimport: async () => unasked(),
  verify: async () => unasked(),
  adopt: () => unasked(),
  ...given,
})

export const dataParts = (given: Partial<ClientDataParts> = {}): ClientDataParts => ({
  has: async () => unasked(),
  size: async () => unasked(),
  commP: async () => unasked(),
  commPOfCar: async () => unasked(),
  generateCar: async () => unasked(),
  list: () => unasked(),
  read: () => unasked(),
  ...given,
})

export interface ClientKit {
  readonly api: LotusApi
  readonly notices: string[]
  /** One call over the wire: its text, and what it says. */
  call (method: string, params: readonly unknown[], permissions?: readonly Permission[]): Promise<{ readonly text: string, readonly result?: unknown, readonly error?: { readonly code: number, readonly message: string, readonly data?: unknown } }>
}

export const openClient = (client: ClientParts): ClientKit => {
  const notices: string[] = []
  const api = createHandlers({
    node: { version: '0', session: '', tokens: { sign: () => '', verify: () => undefined }, logs: { list: () => [], setLevel: () => {} }, shutdown: () => {} },
    client,
    onNotice: (text) => { notices.push(text) },
  })
  const server = createRpcServer({ methods: methodsOf(api) })
  return {
    api,
    notices,
    call: async (method, params, permissions = PERMISSIONS) => {
      const { body = '' } = await server.answer(JSON.stringify({ jsonrpc: '2.0', id: 1, method: `Filecoin.${method}`, params }), { context: { permissions } })
      return { text: body, ...parseJson(body) as object }
    },
  }
}
