/** Where in a file the blocks lie that one of its blocks links to. */
import type { CID } from 'multiformats/cid'
import { pbLinkCid } from './dag-pb.ts'
import { isFile, readPb } from './entity.ts'
import { DagError } from './errors.ts'
import { fileNodeOf } from './file-range.ts'
import { DAG_PB, decoding } from './links.ts'

/** A link of a file's block, in bytes from the first one that the block stands for. */
export interface FileLink {
  readonly cid: CID
  readonly from: number
  /** Of its content; may be 0. */
  readonly sizeBytes: number
}

export interface FileLinks {
  /** Of all that is below the block, and in it. */
  readonly sizeBytes: number
  readonly links: readonly FileLink[]
}

/**
 * The links of a UnixFS file's block with the places of their content; `undefined`: it is none, or contradicts itself. `bytes` are not
 * verified here.
 */
export const fileLinksOf = (cid: CID, bytes: Uint8Array): FileLinks | undefined => {
  if (cid.code !== DAG_PB) return undefined
  try {
    const { node, unixfs } = readPb(cid, bytes, Infinity)
    if (!isFile(unixfs)) return undefined
    const { size, data, blockSizes } = fileNodeOf(cid, unixfs, node)
    let from = data.byteLength
    const links = blockSizes.map((sizeBytes, n): FileLink => {
      const link = { cid: decoding(cid, () => pbLinkCid(bytes, node, n)), from, sizeBytes }
      from += sizeBytes
      return link
    })
    return { sizeBytes: size, links }
  } catch (error) {
    if (error instanceof DagError) return undefined
    throw error
  }
}
