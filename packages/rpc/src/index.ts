/** Serves the Lotus methods of a DAG store. */
export { ServerError, type ServerErrorCode } from './errors.ts'
export { createTokens, SECRET_BYTES, type SignOptions, type Tokens, type TokensOptions } from './tokens.ts'
export { createHandlers, type DealNews, type DealParts, type FailureData, type HandlerParts, type NodeParts, type PieceParts, type ShardParts } from './handlers/index.ts'
