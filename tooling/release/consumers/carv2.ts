import { buildIndex, type CarLayout, CarV2Error, createPageCache, type IndexView, openIndex, readLayout, scanSections } from '@dagstore/carv2'
import { createBytesSource } from '@dagstore/io'

export const firstUse = async (car: Uint8Array, multihash: Uint8Array): Promise<number> => {
  const source = createBytesSource(car)
  const layout: CarLayout = await readLayout(source)
  let bytes = 0
  try {
    for await (const section of scanSections(source, layout)) bytes += section.dataBytes + section.headBytes
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    return error.offset ?? -1
  }
  const built = await buildIndex(source, { onProgress: () => undefined })
  const chunks = [...built.encode()]
  const view: IndexView = await openIndex(createBytesSource(chunks[0] ?? multihash), { pages: createPageCache({ maxBytes: 1 << 20 }) })
  return bytes + built.entryCount + view.facts.entryCount
}
