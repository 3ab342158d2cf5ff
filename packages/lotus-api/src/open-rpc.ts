/**
 * The OpenRPC document of the methods. Source: OpenRPC 1.2.6; lotus `build/openrpc/miner.json`, which leaves streams out.
 *
 * OpenRPC knows no streams: the result of one is the number of a channel, as it goes over the wire, and the member `x-stream` has
 * the schema of the values that come there. `x-permission` is what a token must allow, `x-origin` who made the method.
 */
import type { LotusMethod } from './method.ts'
import { METHOD_NAMES, METHODS } from './methods.ts'
import { MINER_API } from './node-types.ts'
import { type Definitions, described, isOptional, type JsonSchema } from './schema.ts'

export interface OpenRpcMethod {
  readonly name: string
  readonly summary: string
  readonly paramStructure: 'by-position'
  readonly params: readonly { readonly name: string, readonly schema: JsonSchema, readonly required: boolean }[]
  readonly result: { readonly name: string, readonly schema: JsonSchema }
  readonly 'x-permission': string
  readonly 'x-origin': 'lotus' | 'dagstore'
  readonly 'x-stream'?: { readonly transport: 'websocket', readonly notification: 'xrpc.ch.val', readonly schema: JsonSchema }
}

export interface OpenRpcDocument {
  readonly openrpc: '1.2.6'
  readonly info: { readonly title: string, readonly description: string, readonly version: string }
  readonly methods: readonly OpenRpcMethod[]
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

export const openRpcDocument = (): OpenRpcDocument => {
  const definitions: Definitions = new Map()
  const methods = METHOD_NAMES.map((name) => methodOf(METHODS[name], definitions))
  return {
    openrpc: '1.2.6',
    info: {
      title: 'DAG store',
      description: 'Methods of Lotus that a DAG store serves, and its own beside them. HTTP POST and WebSocket at /rpc/v0 and /rpc/v1; streams over WebSocket.',
      version: MINER_API,
    },
    methods,
    components: { schemas: Object.fromEntries([...definitions].sort(([a], [b]) => a < b ? -1 : 1)) },
  }
}

const CHANNEL: JsonSchema = { type: 'integer', description: 'of the channel that the values come by' }

const methodOf = ({ name, summary, params, result, stream, permission, ours }: LotusMethod, definitions: Definitions): OpenRpcMethod => ({
  name,
  summary,
  paramStructure: 'by-position',
  params: params.map((param) => ({ name: param.name, schema: described(param.schema, definitions), required: !isOptional(param.schema) })),
  result: stream ? { name: 'channel', schema: CHANNEL } : { name: result.type, schema: result.json(definitions) },
  'x-permission': permission,
  'x-origin': ours ? 'dagstore' : 'lotus',
  ...(stream ? { 'x-stream': { transport: 'websocket', notification: 'xrpc.ch.val', schema: result.json(definitions) } } : {}),
})
