/** Links that lead out of a set of blocks. */
import { CID } from 'multiformats/cid'
import { byteKey } from './byte-key.ts'
import { IDENTITY_CODE } from './cid.ts'
import type { IndexView } from './index-view.ts'

/** More are counted, not listed. */
const MAX_LISTED = 1000

export class MissingLinks {
  readonly missing: CID[] = []
  missingCount = 0
  undecodable = 0
  readonly #seen = new Set<string>()

  /** `view` is one in memory, so that its answers are plain values. */
  block (cid: CID, data: Uint8Array, linksOf: (cid: CID, data: Uint8Array) => Iterable<CID>, view: IndexView): void {
    let links: readonly CID[]
    try {
      links = [...linksOf(cid, data)]
    } catch {
      this.undecodable++
      return
    }
    for (const link of links) this.#link(link, view)
  }

  #link (link: CID, view: IndexView): void {
    const { code, bytes } = link.multihash
    if (code === IDENTITY_CODE) return
    const found = view.find(bytes, { limit: 1 })
    if (found instanceof Promise || found.length > 0) return
    const key = byteKey(bytes)
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.missingCount++
    if (this.missing.length < MAX_LISTED) this.missing.push(link)
  }
}
