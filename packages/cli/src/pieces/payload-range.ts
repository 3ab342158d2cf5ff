/** Which bytes of a file are a piece. */
import { PRAGMA, readLayout, refuseReferences } from '@dagstore/carv2'
import type { ByteSource, CallOptions } from '@dagstore/io'

/** The payload of a CARv2 file, everything of a file that is none. @throws {CarV2Error} a CARv2 file that is damaged, or one of references */
export const payloadRange = async (source: ByteSource, { signal }: CallOptions): Promise<{ readonly from: number, readonly to: number }> => {
  const head = await source.read(0, Math.min(PRAGMA.byteLength, source.sizeBytes), { signal })
  // a CARv1 is taken whole, and so is what is no CAR: a piece may hold any bytes
  if (Buffer.compare(head, PRAGMA) !== 0) return { from: 0, to: source.sizeBytes }
  const layout = await readLayout(source, { signal })
  await refuseReferences(source, layout, 'the file', { signal })
  return { from: layout.payloadStart, to: layout.payloadStart + layout.payloadBytes }
}
