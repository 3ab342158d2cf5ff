/**
 * A symbolic link: a node without links, whose Data is UnixFS type 4 with the target, even an empty one.
 *
 * Source: boxo ipld/unixfs/unixfs.go `SymlinkData`. Written by hand, since ipfs-unixfs leaves out data of no length.
 */
import { encode } from '@ipld/dag-pb'

const HEAD = [0x08, 0x04, 0x12]

/** @param target - UTF-8 */
export const encodeSymlink = (target: Uint8Array): Uint8Array => {
  const length: number[] = []
  let rest = target.byteLength
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push(rest % 0x80 + 0x80)
  return encode({ Data: Uint8Array.from([...HEAD, ...length, rest, ...target]), Links: [] })
}
