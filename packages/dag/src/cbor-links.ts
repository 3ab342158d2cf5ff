/** The links of a DAG-CBOR block, found without building its value. */
import type { CID } from 'multiformats/cid'
import { CborScan } from './cbor-scan.ts'
import { LinkLimitError } from './link-limit.ts'

/**
 * In the order of the bytes, also where a JavaScript object would put map keys in another one ('10' before 'b').
 *
 * @throws {Error} malformed, truncated or with bytes left over; indefinite lengths and tags other than 42, which DAG-CBOR
 *   forbids; a {@link LinkLimitError}
 */
export const cborLinks = (bytes: Uint8Array, maxLinks: number = Infinity): CID[] => {
  const scan = new CborScan(bytes)
  const links: CID[] = []
  scan.head()
  scan.skip((link) => {
    if (links.length >= maxLinks) throw new LinkLimitError(maxLinks)
    links.push(link)
  })
  if (!scan.atEnd) throw new Error(`bytes after the cbor value; at=${scan.at}`)
  return links
}
