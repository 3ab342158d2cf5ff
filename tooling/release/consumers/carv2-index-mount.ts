import { type IndexMount, openIndexMount } from '@dagstore/carv2-index-mount'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import { createBytesSource } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

export const firstUse = async (car: Uint8Array, path: string, cid: CID): Promise<number> => {
  const inMemory: IndexMount = await openIndexMount({ data: createBytesSource(car) }, { verify: 'always', onNotice: () => undefined })
  const onDisk: IndexMount = await openCarFile(path)
  const store: ReadBlockstore = onDisk.blockstore
  let bytes = (await inMemory.blockstore.bytes(cid)).byteLength + inMemory.index.facts.entryCount
  for await (const chunk of store.get(cid)) bytes += chunk.byteLength
  for await (const chunk of onDisk.carStream()) bytes += chunk.byteLength
  await Promise.all([inMemory.close(), onDisk.close()])
  return bytes
}
