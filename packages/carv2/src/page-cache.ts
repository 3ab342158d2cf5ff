/** Pages of many open indices in one budget: the one used longest ago goes first. */

/** The pages of one user of a cache. */
export interface PageSpace {
  get(page: number): Uint8Array | undefined
  /** Keeps a reference; a page of that number that is there already is replaced. */
  set(page: number, bytes: Uint8Array): void
  /** Forget all pages of this space. */
  clear(): void
}

export interface PageCache {
  readonly maxBytes: number
  /** Bytes of the pages held, and 128 for each. */
  readonly usedBytes: number
  /** A new, empty space. */
  space(): PageSpace
}

/** What one page costs besides its bytes. */
const OVERHEAD_BYTES = 128

interface Node {
  readonly pages: Map<number, Node>
  readonly page: number
  readonly bytes: Uint8Array
  older: Node | undefined
  newer: Node | undefined
}

/**
 * A page cache to be shared by all indices of a program.
 *
 * @param options.maxBytes - default 64 MiB; 0 keeps nothing
 */
export const createPageCache = (options: { readonly maxBytes?: number } = {}): PageCache => {
  const maxBytes = options.maxBytes ?? 64 << 20
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) throw new RangeError(`maxBytes; want=safe integer from 0 got=${maxBytes}`)
  let usedBytes = 0
  let oldest: Node | undefined
  let newest: Node | undefined

  const link = (node: Node): void => {
    node.older = newest
    node.newer = undefined
    if (newest === undefined) oldest = node
    else newest.newer = node
    newest = node
  }
  const unlink = (node: Node): void => {
    if (node.older === undefined) oldest = node.newer
    else node.older.newer = node.newer
    if (node.newer === undefined) newest = node.older
    else node.newer.older = node.older
  }
  const drop = (node: Node): void => {
    unlink(node)
    node.pages.delete(node.page)
    usedBytes -= node.bytes.byteLength + OVERHEAD_BYTES
  }

  const space = (): PageSpace => {
    const pages = new Map<number, Node>()
    return {
      get: (page) => {
        const node = pages.get(page)
        if (node === undefined) return undefined
        if (node !== newest) {
          unlink(node)
          link(node)
        }
        return node.bytes
      },
      set: (page, bytes) => {
        const before = pages.get(page)
        if (before !== undefined) drop(before)
        const node: Node = { pages, page, bytes, older: undefined, newer: undefined }
        pages.set(page, node)
        link(node)
        usedBytes += bytes.byteLength + OVERHEAD_BYTES
        while (usedBytes > maxBytes && oldest !== undefined) drop(oldest)
      },
      clear: () => {
        for (const node of pages.values()) drop(node)
      },
    }
  }
  return { maxBytes, get usedBytes () { return usedBytes }, space }
}
