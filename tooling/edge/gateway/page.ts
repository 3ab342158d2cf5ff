/** What a page does to have a file from a gateway of another origin that it does not trust. */
import { scanStream } from '@dagstore/carv2'
import { readEntity } from '@dagstore/dag'
import { createHashes } from '@dagstore/hashes'
import { BlockNotFoundError, oneChunk, toCid } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'

export interface FoundFile {
  /** Of the error that ended it; `undefined`: the file is whole. */
  readonly code: string | undefined
  /** Verified. */
  readonly blocks: number
  readonly length: number
  /** sha2-256 of the file, in hexadecimal. */
  readonly sum: string
  /** What the gateway lets other origins see. */
  readonly roots: string | null
}

const SHA2_256 = 0x12

export const readFile = async (gateway: string, text: string, module?: WebAssembly.Module): Promise<FoundFile> => {
  const hashes = createHashes(module === undefined ? {} : { module })
  const blocks = new Map<string, Uint8Array>()
  const parts: Uint8Array[] = []
  let code: string | undefined
  let roots: string | null = null
  try {
    const response = await fetch(`${gateway}/ipfs/${text}?format=car&dag-scope=entity`)
    roots = response.headers.get('x-ipfs-roots')
    if (response.status !== 200 || response.body === null) throw new Error(`status ${response.status}`)
    const { sections } = await scanStream(response.body, { hashes, data: true })
    for await (const { cid, data } of sections) blocks.set(CID.decode(cid).toString(), data!)
    const store = {
      get: (any: Parameters<typeof toCid>[0]): AsyncGenerator<Uint8Array> => oneChunk(async () => {
        const cid = toCid(any)
        const bytes = blocks.get(cid.toString())
        if (bytes === undefined) throw new BlockNotFoundError(cid)
        return bytes
      }),
    }
    for await (const chunk of readEntity(store, CID.parse(text), { hashes })) parts.push(chunk)
  } catch (error) {
    code = error instanceof Error ? 'code' in error ? String(error.code) : error.name : String(error)
  }
  const bytes = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer())
  const sum = [...hashes.digest(SHA2_256, bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return { code, blocks: blocks.size, length: bytes.byteLength, sum, roots }
}
