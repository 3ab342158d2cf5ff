/** Where a walk of a DAG stands, found out from the blocks that it asks for: the blocks above the present one, with their links. */
import { createCidSet, fileLinksOf, type FileLinks, linksOf, locatePath } from '@dagstore/dag'
import { IDENTITY } from '@dagstore/hashes'
import { BlockNotFoundError, oneChunk, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import type { DagPart } from './dag-source.ts'

const RAW = 0x55

/** A block as a part of a file. */
interface FilePlace {
  readonly root: CID
  readonly rootBytes: number
  /** Of the block's first byte in the file. */
  readonly at: number
  readonly layout: FileLinks
}

interface Frame {
  readonly cid: CID
  readonly bytes: Uint8Array
  readonly links: readonly CID[]
  readonly file: FilePlace | undefined
  /** The link that the walk is at. */
  next: number
}

/** How a block is linked to. */
export interface Place {
  /** Of the block that links to it those from there on, itself first. */
  readonly rest: readonly CID[]
  /** `undefined`: no part of a file. `at`: its first byte there; `restAt`: of each of `rest`. */
  readonly file: { readonly root: CID, readonly rootBytes: number, readonly at: number, readonly restAt: readonly number[] } | undefined
}

export class WalkMirror {
  readonly #root: CID
  readonly #part: DagPart
  #met = createCidSet()
  #frames: Frame[] = []
  #end: CID | undefined

  constructor (root: CID, part: DagPart) {
    this.#root = root
    this.#part = part
    if (segmentsIn(part) === 0) this.#end = root
    this.reset()
  }

  /** Whether the walk has had the block. */
  has (cid: CID): boolean { return this.#met.has(cid) }
  get isEmpty (): boolean { return this.#met.size === 0 }

  /** The walk begins again. */
  reset (): void {
    this.#met = createCidSet()
    this.#frames = []
    // one that holds its own bytes is asked of nobody
    if (this.#root.multihash.code === IDENTITY) this.passed(this.#root, this.#root.multihash.digest)
  }

  /** The walk has had the block. */
  passed (cid: CID, bytes: Uint8Array): void {
    const frame = this.#come(cid)
    this.#met.add(cid)
    if (cid.code === RAW) return
    const own = linksIn(cid, bytes)
    // what an identity CID links to is asked for as if it stood here
    const links = own.some(isInlineNode) ? own.flatMap(inlined) : own
    if (links.length > 0) this.#frames.push({ cid, bytes, links, file: links === own ? fileOf(cid, bytes, frame) : undefined, next: 0 })
  }

  /** Where the block stands that the walk asks for; `undefined`: nothing that it has had links to it. */
  place (cid: CID): Place | undefined {
    const frame = this.#come(cid)
    if (frame === undefined) return undefined
    const rest = frame.links.slice(frame.next)
    const { file } = frame
    if (file === undefined) return { rest, file: undefined }
    const restAt = file.layout.links.slice(frame.next).map(({ from }) => file.at + from)
    return { rest, file: { root: file.root, rootBytes: file.rootBytes, at: restAt[0] ?? file.at, restAt } }
  }

  /** The block in which the path ends; `undefined`: not known from what the walk has had. */
  async end (): Promise<CID | undefined> {
    if (this.#end !== undefined) return this.#end
    const held = (cid: CID): Uint8Array => {
      const frame = this.#frames.find((each) => each.cid.equals(cid))
      if (frame === undefined) throw new BlockNotFoundError(cid)
      return frame.bytes
    }
    try {
      const { cid } = await locatePath({ get: (cid) => oneChunk(async () => held(toCid(cid))) }, this.#root, this.#part.path ?? [], { verify: 'never' })
      this.#end = cid
    } catch {
      // on the way still, or it leads nowhere, which the walk will find out
    }
    return this.#end
  }

  /** Goes to the link; what lies below others is over. */
  #come (cid: CID): Frame | undefined {
    for (let n = this.#frames.length - 1; n >= 0; n--) {
      const frame = this.#frames[n]!
      for (let at = frame.next; at < frame.links.length; at++) {
        if (frame.links[at]?.equals(cid) !== true) continue
        frame.next = at
        this.#frames.length = n + 1
        return frame
      }
    }
    return undefined
  }
}

const segmentsIn = ({ path = [] }: DagPart): number => (typeof path === 'string' ? path.split('/').filter((segment) => segment !== '' && segment !== '.').length : path.length)

const linksIn = (cid: CID, bytes: Uint8Array): readonly CID[] => {
  try {
    return linksOf(cid, bytes)
  } catch {
    return [] // the walk says what is the matter with it
  }
}

const isInlineNode = (cid: CID): boolean => cid.multihash.code === IDENTITY && cid.code !== RAW
const inlined = (cid: CID): readonly CID[] => (isInlineNode(cid) ? linksIn(cid, cid.multihash.digest).flatMap(inlined) : [cid])

const fileOf = (cid: CID, bytes: Uint8Array, parent: Frame | undefined): FilePlace | undefined => {
  const layout = fileLinksOf(cid, bytes)
  if (layout === undefined) return undefined
  const above = parent?.file
  if (above === undefined) return { root: cid, rootBytes: layout.sizeBytes, at: 0, layout }
  return { root: above.root, rootBytes: above.rootBytes, at: above.at + (above.layout.links[parent!.next]?.from ?? 0), layout }
}
