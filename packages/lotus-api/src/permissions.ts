/** What a caller may do. Source: go-jsonrpc `auth`, lotus `api/permissioned.go`. */

export type Permission = 'read' | 'write' | 'sign' | 'admin'

/** In Lotus's order. One does not include those before it: a token lists all that it allows. */
export const PERMISSIONS: readonly Permission[] = Object.freeze(['read', 'write', 'sign', 'admin'])
