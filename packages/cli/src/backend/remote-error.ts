/** What a daemon has answered in place of a result, as if it had happened here. */
import { RpcError } from '@dagstore/json-rpc'

/** Its code is that of the error which the daemon met. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  readonly code: string

  constructor (code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const HOW_TO_GET_A_TOKEN = 'one who has the store makes a token with it: dagstore auth create-token; then: --api-info TOKEN:URL'

/** Of an error that came with the answer to a call. */
export const toRemote = (error: unknown): unknown => {
  if (!(error instanceof RpcError)) return error
  const { data } = error
  const code = typeof data === 'object' && data !== null && 'code' in data && typeof data.code === 'string' ? data.code : undefined
  if (code === undefined) return error
  return new RemoteError(code, code === 'RPC_FORBIDDEN' ? `${error.message}; ${HOW_TO_GET_A_TOKEN}` : error.message)
}

/** Of a text of one result among several, `CODE: message`. */
export const readErrorText = (text: string): RemoteError => {
  const found = /^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+): (.*)$/su.exec(text)
  return new RemoteError(found?.[1] ?? 'RPC_FAILED', found?.[2] ?? text)
}
