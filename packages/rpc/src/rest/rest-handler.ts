/**
 * What Lotus takes and gives beside the RPC, since it has no place in a message: `PUT /rest/v0/import`, whose body is imported.
 *
 *     {"Cid":{"/":"bafy…"},"ImportID":1629158400000000000}
 *
 * Source: lotus node/rpc.go `handleImport`; `ImportID` is ours.
 */
import { RpcError, toJson } from '@dagstore/json-rpc'
import type { ClientImportParts } from '../handlers/client/import-parts.ts'
import { codeOf, told } from '../handlers/failures.ts'
import type { WebHandler } from '../web-handler.ts'

export interface RestParts {
  readonly imports: Pick<ClientImportParts, 'importStream'>
  /** Told failures that are no errors of ours. */
  readonly onNotice?: ((text: string) => void) | undefined
}

const IMPORT_PATH = '/rest/v0/import'

export const isRestPath = (path: string): boolean => path === IMPORT_PATH

/** For paths of {@link isRestPath}; the permission `write` is needed, that for reading is not enough. */
export const restHandler = ({ imports, onNotice = () => {} }: RestParts): WebHandler => async (request, { permissions, signal }) => {
  if (new URL(request.url).pathname !== IMPORT_PATH) return undefined
  if (request.method !== 'PUT') return answer(405, { Error: 'PUT is taken here' }, { allow: 'PUT' })
  if (!permissions.includes('write')) return answer(401, { Error: 'unauthorized: missing write permission', code: 'RPC_FORBIDDEN' })
  try {
    const { id, root } = await imports.importStream(request.body ?? emptyBody(), { signal })
    if (root === undefined) throw new TypeError('an import without a root')
    return answer(200, { Cid: { '/': root.toString() }, ImportID: id })
  } catch (error) {
    if (signal.aborted) return answer(400, { Error: 'the body ended early' })
    if (codeOf(error) === undefined) onNotice(`an upload failed unexpectedly; error=${error instanceof Error ? error.stack ?? error.message : String(error)}`)
    const said = told(error)
    return answer(500, said instanceof RpcError ? { Error: said.message, code: codeIn(said.data) } : { Error: 'internal error' })
  }
}

async function * emptyBody (): AsyncGenerator<Uint8Array, void, undefined> {}

const codeIn = (data: unknown): unknown => typeof data === 'object' && data !== null && 'code' in data ? data.code : undefined

const answer = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(toJson(body), { status, headers: { 'content-type': 'application/json', ...headers } })
