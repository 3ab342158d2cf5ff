/** CIDs as they are written in paths: of either version, in any base. */
import { IDENTITY } from '@dagstore/hashes'
import { base10 } from 'multiformats/bases/base10'
import { base16, base16upper } from 'multiformats/bases/base16'
import { base2 } from 'multiformats/bases/base2'
import * as base32 from 'multiformats/bases/base32'
import { base36, base36upper } from 'multiformats/bases/base36'
import { base58btc, base58flickr } from 'multiformats/bases/base58'
import * as base64 from 'multiformats/bases/base64'
import { base8 } from 'multiformats/bases/base8'
import { CID } from 'multiformats/cid'
import { GatewayRefusal } from '../refusal.ts'
import { quickCid } from './quick-base32.ts'

/** As Kubo and Helia have it. */
const MAX_IDENTITY_BYTES = 128
/** In the shortest alphabet such a CID is this long; reading some of the others takes time that grows with the square. */
const MAX_CHARACTERS = 1100

const BASES: ReadonlyMap<string, { readonly prefix: string, encode(bytes: Uint8Array): string, decode(text: string): Uint8Array }> = new Map(
  [base2, base8, base10, base16, base16upper, ...Object.values(base32), base36, base36upper, base58btc, base58flickr, ...Object.values(base64)].map((base) => [base.prefix, base]))

export interface NamedCid {
  readonly cid: CID
  /** As it writes itself. */
  readonly name: string
}

/** @throws {GatewayRefusal} `GATEWAY_BAD_CID` */
export const namedCidOf = (text: string): NamedCid => {
  if (text.length > MAX_CHARACTERS) throw new GatewayRefusal('GATEWAY_BAD_CID', 400, 'The CID is too long.')
  let named: NamedCid
  try {
    named = parsed(text)
  } catch (cause) {
    throw new GatewayRefusal('GATEWAY_BAD_CID', 400, 'There is no CID behind /ipfs/.', { cause })
  }
  const { cid } = named
  if (cid.multihash.code === IDENTITY && cid.multihash.digest.byteLength > MAX_IDENTITY_BYTES) {
    throw new GatewayRefusal('GATEWAY_BAD_CID', 400, `An identity CID may hold ${MAX_IDENTITY_BYTES} bytes.`)
  }
  return named
}

/** @throws {GatewayRefusal} `GATEWAY_BAD_CID` */
export const cidOf = (text: string): CID => namedCidOf(text).cid

const parsed = (text: string): NamedCid => {
  const quick = quickCid(text)
  if (quick !== undefined) return { cid: quick, name: text }
  const prefix = text.charAt(0)
  // of version 0, which has no prefix
  const base = prefix === 'Q' ? undefined : BASES.get(prefix)
  const cid = CID.parse(text, base as Parameters<typeof CID.parse>[1])
  // it remembers that text as its own, with padding that has no place in it
  if (base !== undefined && base.encode(cid.bytes) !== text) throw new TypeError('another text stands for this CID')
  return { cid, name: cid.toString() }
}
