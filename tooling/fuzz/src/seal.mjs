/** Checksums made right again after damage, so that what they protect is reached too. */

const TABLE = new Uint32Array(256).map((_, i) => {
  let c = i
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  return c >>> 0
})

export const crc32 = (bytes) => {
  let c = 0xffffffff
  for (let i = 0; i < bytes.byteLength; i++) c = (c >>> 8) ^ TABLE[(c ^ bytes[i]) & 255]
  return (c ^ 0xffffffff) >>> 0
}

const FOOTER_BYTES = 4096
const PAGE_BYTES = 4096

const checksums = (bytes) => {
  const out = new Uint8Array(4 * Math.ceil(bytes.byteLength / PAGE_BYTES))
  const view = new DataView(out.buffer)
  for (let page = 0; page * PAGE_BYTES < bytes.byteLength; page++) view.setUint32(4 * page, crc32(bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES)), true)
  return out
}

/** An index as `docs/formats/index.md` lays it out, all its checksums right for what is in it; too short ones stay as they are. */
export const sealIndex = (bytes) => {
  if (bytes.byteLength < FOOTER_BYTES) return bytes
  const out = bytes.slice()
  const footerAt = out.byteLength - FOOTER_BYTES
  const view = new DataView(out.buffer)
  const body = Number(view.getBigUint64(footerAt + 16, true)) + 5 * Number(view.getBigUint64(footerAt + 24, true))
  const pagesBytes = 4 * Math.ceil(body / PAGE_BYTES)
  const chunksBytes = 4 * Math.ceil(pagesBytes / PAGE_BYTES)
  if (body + pagesBytes + chunksBytes <= footerAt) {
    out.set(checksums(out.subarray(0, body)), body)
    out.set(checksums(out.subarray(body, body + pagesBytes)), body + pagesBytes)
    view.setUint32(footerAt + 48, crc32(out.subarray(body + pagesBytes, footerAt)), true)
  }
  view.setUint32(out.byteLength - 4, crc32(out.subarray(footerAt, out.byteLength - 4)), true)
  return out
}

/** A file under construction whose resume slots have right checksums, whatever is in them. */
export const sealSlots = (bytes) => {
  if (bytes.byteLength < 512) return bytes
  const out = bytes.slice()
  const view = new DataView(out.buffer)
  for (const at of [64, 288]) {
    if (out.subarray(at, at + 224).every((byte) => byte === 0)) continue
    view.setUint32(at + 220, crc32(out.subarray(at, at + 220)), true)
  }
  return out
}
