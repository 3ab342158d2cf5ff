/**
 * What becomes of blocks whose CID holds their data (multihash code 0): one object for writers, indices and readers.
 *
 * Practice differs: Lotus of 2021 stored and indexed them like any block; go-car since 2.1 drops them on a put, leaves them out of
 * an index and answers them from the CID; go-car with `StoreIdentityCIDs` stores and indexes them and says so in the header.
 */

export interface IdentityPolicy {
  /** Whether a put writes a section; if not, it is answered as done. The piece of a deal needs sections. */
  readonly store: boolean
  /** Whether an index lists their sections. */
  readonly index: boolean
  /** Whether the header of a CARv2 says "fully indexed" of an index that lists them. */
  readonly mark: boolean
  /** Whether a reader answers them from the CID where no section is found. */
  readonly inline: boolean
}

export type IdentityPolicyName = 'lotus-2021' | 'go-car-default' | 'full'

/** `full`: nothing is lost and everything is found; what this library does unless told otherwise. */
export const IDENTITY_POLICIES: Readonly<Record<IdentityPolicyName, IdentityPolicy>> = Object.freeze({
  'lotus-2021': Object.freeze({ store: true, index: true, mark: false, inline: false }),
  'go-car-default': Object.freeze({ store: false, index: false, mark: false, inline: true }),
  'full': Object.freeze({ store: true, index: true, mark: true, inline: true }),
})

/** @throws {TypeError} no such policy; a mark on an index that does not list them */
export const resolveIdentityPolicy = (policy: IdentityPolicyName | IdentityPolicy = 'full'): IdentityPolicy => {
  const found = typeof policy === 'string' ? IDENTITY_POLICIES[policy] : policy
  if (found === undefined) throw new TypeError(`no such identity policy; got=${String(policy)} known=${Object.keys(IDENTITY_POLICIES).join(', ')}`)
  if (found.mark && !found.index) throw new TypeError('identity policy marks an index as full that lacks identity CIDs')
  return found
}
