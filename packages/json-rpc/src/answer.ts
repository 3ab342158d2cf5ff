/** Answers as they go over the wire. */
import { toWireError } from './errors.ts'
import { toJson } from './json.ts'
import type { RpcId } from './message.ts'

/** @throws {TypeError} a result that is no value of JSON */
export const resultText = (id: RpcId, result: unknown): string => toJson({ jsonrpc: '2.0', id, result: result ?? null })

/** @param id - `undefined` where it could not be read */
export const errorText = (id: RpcId | undefined, error: unknown): string => toJson({ jsonrpc: '2.0', id: id ?? null, error: toWireError(error) })
