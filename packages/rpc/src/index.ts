/** Serves the Lotus methods of a DAG store. */
export { ServerError, type ServerErrorCode } from './errors.ts'
export { createTokens, SECRET_BYTES, type SignOptions, type Tokens, type TokensOptions } from './tokens.ts'
