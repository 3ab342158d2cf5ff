/** JSON-RPC as go-jsonrpc speaks it. */
export { createRpcClient, type RpcCallOptions, type RpcClient, type RpcClientOptions } from './client.ts'
export type { RpcConnection } from './connection.ts'
export { RpcError, type RpcErrorCode, type RpcErrorOptions } from './errors.ts'
export { parseJson, toJson } from './json.ts'
export type { RpcCall, RpcMethod, RpcMethods, RpcStreamMethod } from './method.ts'
export { type AnswerOptions, createRpcServer, type HttpAnswer, type RpcLimits, type RpcServer, type RpcServerOptions } from './server.ts'
export { openSocket, type RpcSocket, type SocketListener, type WebSocketLike } from './socket.ts'
