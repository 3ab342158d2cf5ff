/** CIDs in tables, where Lotus shows their ends. */
import type { CID } from 'multiformats/cid'

/** `...` and the last 8 characters. Source: lotus cli/client.go `ellipsis`. */
export const shortCid = (cid: CID | null | undefined): string => cid === null || cid === undefined ? '' : `...${cid.toString().slice(-8)}`
