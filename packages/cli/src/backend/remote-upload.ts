/**
 * Content as the body of a request: `PUT /rest/v0/import`. `fetch` of Node gives up on an answer that does not begin within five minutes, and
 * whoever writes into a pipe may take longer than that.
 */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ImportRes } from '@dagstore/lotus-api'
import { CID } from 'multiformats/cid'
import type { ApiAddress } from '../api-address.ts'
import { RemoteError } from './remote-error.ts'

/** Longer than any answer there is. */
const MAX_ANSWER_BYTES = 1 << 16

/** @throws {RemoteError} what the daemon says; `RPC_UNREACHABLE`, `RPC_BAD_ANSWER` */
export const uploadImport = async ({ url, token }: ApiAddress, content: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<ImportRes> => {
  const at = new URL(`${url}/rest/v0/import`)
  const request = (at.protocol === 'https:' ? httpsRequest : httpRequest)(at, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    ...(signal === undefined ? {} : { signal }),
  })
  const answered = new Promise<{ readonly status: number, readonly text: string }>((resolve, reject) => {
    request.once('error', reject)
    request.once('response', (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.byteLength
        if (length > MAX_ANSWER_BYTES) response.destroy(new RemoteError('RPC_BAD_ANSWER', 'the answer is too long'))
        else chunks.push(chunk)
      })
      response.once('error', reject)
      response.once('end', () => { resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }) })
    })
  })
  const sent = pipeline(Readable.from(content, { objectMode: false }), request)
  try {
    // one who refuses answers before all of it was sent
    const answer = await Promise.race([answered, sent.then(() => answered)])
    return read(answer)
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof RemoteError) throw error
    const failed = await sent.then(() => undefined, (cause: unknown) => cause)
    // what the source of the content says comes before what became of the connection
    if (failed instanceof Error && 'code' in failed && !/^E[A-Z]+$|^ERR_/.test(String(failed.code))) throw failed
    throw new RemoteError('RPC_UNREACHABLE', `no answer from ${url}`, { cause: error })
  } finally {
    request.destroy()
    await sent.catch(() => {})
  }
}

const read = ({ status, text }: { readonly status: number, readonly text: string }): ImportRes => {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/("ImportID":\s*)(\d+)/, '$1"$2"'))
  } catch (cause) {
    throw new RemoteError('RPC_BAD_ANSWER', `not an answer; status=${status}`, { cause })
  }
  const { Cid, ImportID, code, message, Error: said } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>
  if (status !== 200) throw new RemoteError(typeof code === 'string' ? code : 'RPC_FAILED', String(message ?? said ?? `status ${status}`))
  const root = typeof Cid === 'object' && Cid !== null && '/' in Cid ? Cid['/'] : undefined
  if (typeof root !== 'string' || typeof ImportID !== 'string' || !/^\d{1,20}$/.test(ImportID)) throw new RemoteError('RPC_BAD_ANSWER', 'the answer has no import')
  return { Root: CID.parse(root), ImportID: BigInt(ImportID) }
}
