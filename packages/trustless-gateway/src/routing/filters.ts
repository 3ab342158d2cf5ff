/**
 * What of a record an asker can use.
 *
 * Source: IPFS delegated routing V1, `filter-addrs` and `filter-protocols` (IPIP-484); boxo `routing/http/filters`, which knows no
 * `!` for transfer protocols, as the IPIP does.
 */
import type { PeerRecord } from './provider-record.ts'

interface Filter {
  readonly wanted: readonly string[]
  readonly unwanted: readonly string[]
}

const UNKNOWN = 'unknown'

/** The record as the asker wants it; `undefined`: not at all. */
export const filtered = (record: PeerRecord, parameters: URLSearchParams): PeerRecord | undefined => {
  const protocols = filterOf(parameters.get('filter-protocols'))
  if (protocols !== undefined && !passes(protocols, record.Protocols.map((name) => name.toLowerCase()))) return undefined
  const addresses = filterOf(parameters.get('filter-addrs'))
  if (addresses === undefined) return record
  if (record.Addrs.length === 0) return addresses.wanted.includes(UNKNOWN) ? record : undefined
  const Addrs = record.Addrs.filter((address) => passes(addresses, address.toLowerCase().split('/')))
  return Addrs.length === 0 ? undefined : { ...record, Addrs }
}

const filterOf = (text: string | null): Filter | undefined => {
  const names = (text ?? '').toLowerCase().split(',').map((name) => name.trim()).filter((name) => name !== '')
  if (names.length === 0) return undefined
  return { wanted: names.filter((name) => !name.startsWith('!')), unwanted: names.filter((name) => name.startsWith('!')).map((name) => name.slice(1)) }
}

const passes = ({ wanted, unwanted }: Filter, names: readonly string[]): boolean =>
  !unwanted.some((name) => names.includes(name)) && (wanted.length === 0 || wanted.some((name) => names.includes(name)))
