/** What an index says about itself and about the bytes it describes. */
import type { SourceIdentity } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { decodeCarV1Header } from './carv1-header.ts'
import type { IndexDirectory } from './index-directory.ts'
import type { IndexFooter } from './index-footer.ts'
import type { IndexFacts } from './index-view.ts'
import { decodeVarint } from './varint.ts'

/** What the trailer says about the whole. */
export interface IndexSubject {
  /** Of the CARv1 payload in the source. */
  readonly payloadStart: number
  /** End of the last section, from the start of the payload. */
  readonly payloadEnd: number
  /** With its length varint; `undefined`, or one that does not fit into the footer: the index names no roots. */
  readonly carV1Header: Uint8Array | undefined
  /** `undefined`: not to be named, as in an index that becomes part of the file it describes. */
  readonly source: SourceIdentity | undefined
}

/** @throws {CarV2Error} the footer holds a CARv1 header that is none */
export const factsOf = (directory: Pick<IndexDirectory, 'codec' | 'entryCount'>, footer: Omit<IndexFooter, 'tailCrc' | 'bucketCount'> | undefined): IndexFacts => ({
  codec: directory.codec,
  entryCount: directory.entryCount,
  payloadStart: footer?.payloadStart,
  payloadEnd: footer?.payloadEnd,
  source: footer?.source,
  roots: rootsOf(footer?.carV1Header),
  identityCids: footer?.identityCids ?? 'unknown',
})

const rootsOf = (header: Uint8Array | undefined): readonly CID[] | undefined =>
  header === undefined ? undefined : decodeCarV1Header(header.subarray(decodeVarint(header).length)).roots
