/** The answer of a method as it stands on the wire: exact integers, CIDs as `{"/": …}`. */
import type { LotusMethodName, LotusResult } from '@dagstore/lotus-api'

/** With the end of a line. */
export const rpcJson = async <M extends LotusMethodName>(method: M, result: LotusResult<M>): Promise<string> => {
  const [{ METHODS }, { toJson }] = await Promise.all([import('@dagstore/lotus-api'), import('@dagstore/json-rpc')])
  const { result: schema } = METHODS[method]
  return `${toJson((schema as { encode (value: LotusResult<M>): unknown }).encode(result))}\n`
}
