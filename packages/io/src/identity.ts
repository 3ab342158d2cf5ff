/** What tells one version of some bytes from another, and what may be concluded from it. */

/**
 * What the bytes are. `content`: a digest of them (piece CID, sha2-256), holds for ever and everywhere. `version`: a strong
 * validator (ETag) of one server. `file`: size and times of one inode; says "changed", never "the same bytes".
 */
export type SourceIdentity =
  | { readonly kind: 'content', readonly cid: string, readonly sizeBytes: number }
  | { readonly kind: 'version', readonly tag: string, readonly sizeBytes: number }
  | { readonly kind: 'file', readonly sizeBytes: number, readonly mtimeNs: bigint, readonly inode: bigint }

/** `same`: use the index. `different`: rebuild it. `unknown` (kinds differ, or only a time moved): sample sections, then decide. */
export type IdentityVerdict = 'same' | 'different' | 'unknown'

/** What is known about two identities of what may be the same bytes. Another size is always `different`. */
export const compareIdentity = (known: SourceIdentity, found: SourceIdentity): IdentityVerdict => {
  if (known.sizeBytes !== found.sizeBytes) return 'different'
  if (known.kind === 'content' && found.kind === 'content') return known.cid === found.cid ? 'same' : 'different'
  if (known.kind === 'version' && found.kind === 'version') return known.tag === found.tag ? 'same' : 'different'
  if (known.kind === 'file' && found.kind === 'file') {
    return known.mtimeNs === found.mtimeNs && known.inode === found.inode ? 'same' : 'unknown'
  }
  return 'unknown'
}
