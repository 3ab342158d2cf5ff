/**
 * `PUT /rest/v0/import`: the body is imported.
 *
 *     {"Cid":{"/":"bafy…"},"ImportID":1629158400000000000}
 *
 * Source: lotus node/rpc.go `handleImport`; `ImportID` is ours. Stricter: a body of which nothing comes for long is left.
 */
import type { Clock } from '@dagstore/io'
import type { ExtraContext } from '../extra-requests.ts'
import type { ClientImportParts } from '../handlers/client/import-parts.ts'
import { bodyInTime } from './body-in-time.ts'
import { answer, failure, lacks, wrongMethod } from './rest-answer.ts'

export interface ImportAnswerParts {
  readonly imports: Pick<ClientImportParts, 'importStream'>
  readonly onNotice: (text: string) => void
  readonly idleMs: number
  readonly clock: Clock
}

export const answerImport = async (request: Request, { permissions, signal }: Pick<ExtraContext, 'permissions' | 'signal'>, { imports, onNotice, idleMs, clock }: ImportAnswerParts): Promise<Response> => {
  if (request.method !== 'PUT') return wrongMethod('PUT')
  if (!permissions.includes('write')) return lacks('write')
  const stalled = new AbortController()
  try {
    const { id, root } = await imports.importStream(bodyInTime(request.body, { idleMs, clock, stalled }), { signal })
    if (root === undefined) throw new TypeError('an import without a root')
    return answer(200, { Cid: { '/': root.toString() }, ImportID: id })
  } catch (error) {
    if (signal.aborted) return answer(400, { Error: 'the body ended early' })
    if (stalled.signal.aborted) return answer(408, { Error: `nothing of the body has come for ${idleMs / 1000} seconds`, code: 'RPC_STALLED' })
    return failure(error, 'an upload', onNotice)
  }
}
