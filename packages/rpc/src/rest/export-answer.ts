/**
 * `GET /rest/v0/export?car=true&export={"Root":{"/":"bafy…"},…}`: what is here as the bytes of a file or, with `car=true`, of a CARv1.
 * `export` is an `ExportRef`, as of `ClientExport`.
 *
 * Source: lotus v1.13.2 node/rpc.go `handleExport`, cli/client_retr.go `ClientExportStream`. Stricter: the permission is that of `ClientExport`,
 * since a reference may name any CAR of this machine (Lotus: write); `car` is true, false or left out. What goes wrong before the first byte is
 * said by status and code; after it the answer is never ended, and its connection is.
 */
import { parseJson } from '@dagstore/json-rpc'
import { type ExportRef, METHODS } from '@dagstore/lotus-api'
import type { ExtraContext } from '../extra-requests.ts'
import { exportedPart } from '../handlers/client/export-handlers.ts'
import type { ClientRetrievalParts, ExportedPart, OpenExport } from '../handlers/client/retrieval-parts.ts'
import { badParams } from '../handlers/failures.ts'
import { answer, failure, lacks, wordsOf, wrongMethod } from './rest-answer.ts'

export interface ExportAnswerParts {
  readonly exports: Pick<ClientRetrievalParts, 'openExport'>
  readonly onNotice: (text: string) => void
}

const { permission, params: [exportRef] } = METHODS.ClientExport

/** As of a section of 37 bytes, of which no more comes: where something on the way ends an answer that has failed as if it were whole, no reader takes that CAR for whole. */
const CUT_SECTION = Uint8Array.of(37, 1, 0x55)

export const answerExport = async (request: Request, { permissions, signal }: Pick<ExtraContext, 'permissions' | 'signal'>, { exports, onNotice }: ExportAnswerParts): Promise<Response> => {
  if (request.method !== 'GET' && request.method !== 'HEAD') return wrongMethod('GET, HEAD')
  if (!permissions.includes(permission)) return lacks(permission)
  try {
    const part = partOf(new URL(request.url).searchParams)
    const isCar = part.form !== 'unixfs'
    const open = await exports.openExport(part, { signal })
    const headers = {
      'content-type': isCar ? 'application/vnd.ipld.car; version=1' : 'application/octet-stream', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
      ...(open.sizeBytes === undefined ? {} : { 'content-length': String(open.sizeBytes) }),
    }
    if (request.method === 'HEAD') {
      await open.close()
      return new Response(null, { headers })
    }
    const onCut = (error: unknown): void => { onNotice(`an export ended early; error=${wordsOf(error)}`) }
    const chunks = chunksOf(open, { isCar, signal, onCut })
    return new Response(streamOf(await chunks.next(), chunks), { headers })
  } catch (error) {
    return signal.aborted ? answer(503, { Error: 'the export was ended' }) : failure(error, 'an export', onNotice)
  }
}

const partOf = (query: URLSearchParams): ExportedPart => {
  const car = query.get('car') ?? 'false'
  if (car !== 'true' && car !== 'false') throw badParams('car; want=true|false')
  return exportedPart(refOf(query.get('export') ?? ''), car === 'true' ? 'carv1' : 'unixfs')
}

const refOf = (text: string): ExportRef => {
  try {
    return exportRef?.schema.decode(parseJson(text), 'export') as ExportRef
  } catch (error) {
    throw badParams(error instanceof TypeError ? error.message : 'export; want=an ExportRef as JSON')
  }
}

interface ChunksOptions {
  readonly isCar: boolean
  readonly signal: AbortSignal
  readonly onCut: (error: unknown) => void
}

/** As many bytes as were said, or it fails. Closes at the end, however that comes. */
async function * chunksOf (open: OpenExport, { isCar, signal, onCut }: ChunksOptions): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { sizeBytes } = open
  let bytes = 0
  try {
    for await (const chunk of open.read({ signal })) {
      bytes += chunk.byteLength
      if (sizeBytes !== undefined && bytes > sizeBytes) throw new RangeError(`more bytes than were said; said=${sizeBytes}`)
      yield chunk as Uint8Array<ArrayBuffer>
    }
    if (sizeBytes !== undefined && bytes < sizeBytes) throw new RangeError(`fewer bytes than were said; said=${sizeBytes} got=${bytes}`)
  } catch (error) {
    if (bytes > 0 && !signal.aborted) {
      onCut(error)
      if (isCar) yield CUT_SECTION.slice()
    }
    throw error
  } finally {
    await open.close()
  }
}

/** Nothing is read before it is asked for. @param first - of `chunks`, which is asked already */
const streamOf = (first: IteratorResult<Uint8Array<ArrayBuffer>, void>, chunks: AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>): ReadableStream<Uint8Array<ArrayBuffer>> => {
  let waiting: typeof first | undefined = first
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = waiting ?? await chunks.next()
      waiting = undefined
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel: async () => { await chunks.return() },
  }, { highWaterMark: 0 })
}
