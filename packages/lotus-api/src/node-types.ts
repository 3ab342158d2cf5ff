/** What a node says of itself. Source: lotus `api/api_common.go`. */
import { about, object, oneOf, type Schema, text, whole } from './schema.ts'
import type { Permission } from './permissions.ts'

export interface APIVersion {
  readonly Version: string
  /** `major << 16 | minor << 8 | patch`. */
  readonly APIVersion: number
  /** Seconds. */
  readonly BlockDelay: number
}

export const apiVersion: Schema<APIVersion> = object('APIVersion', {
  Version: text, APIVersion: about('major << 16 | minor << 8 | patch', whole), BlockDelay: about('seconds', whole),
})

/** Of what Lotus calls the miner's API, which the methods here are of. Source: lotus `api/version.go` `MinerAPIVersion0`. */
export const MINER_API = '1.5.0'
export const MINER_API_VERSION: number = 1 << 16 | 5 << 8

export const permission: Schema<Permission> = oneOf(['read', 'write', 'sign', 'admin'])
