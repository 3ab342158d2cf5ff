/** What `car inspect` prints, in the words of go-car's command. */
import { type CarReport, INDEX_SORTED, MULTIHASH_INDEX_SORTED } from '@dagstore/carv2'

/** Names of the multicodec table that CARs are likely to hold; any other code is shown in hex. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, 'identity'], [0x11, 'sha1'], [0x12, 'sha2-256'], [0x13, 'sha2-512'], [0x14, 'sha3-512'], [0x16, 'sha3-256'], [0x1b, 'keccak-256'],
  [0x1e, 'blake3'], [0x20, 'sha2-384'], [0xb220, 'blake2b-256'], [0xb240, 'blake2b-512'], [0x1012, 'sha2-256-trunc254-padded'],
  [0x1011, 'fr32-sha2-256-trunc254-padbintree'], [0x51, 'cbor'], [0x55, 'raw'], [0x70, 'dag-pb'], [0x71, 'dag-cbor'], [0x72, 'libp2p-key'],
  [0x78, 'git-raw'], [0x85, 'dag-jose'], [0x90, 'eth-block'], [0x0129, 'dag-json'], [0x0200, 'json'], [0x0202, 'car'],
  [INDEX_SORTED, 'car-index-sorted'], [MULTIHASH_INDEX_SORTED, 'car-multihash-index-sorted'],
])

const nameOf = (code: number): string => NAMES.get(code) ?? `0x${code.toString(16)}`
const ascending = (counts: ReadonlyMap<number, number>): [number, number][] => [...counts].sort(([a], [b]) => a - b)
const countLines = (counts: ReadonlyMap<number, number>): string => ascending(counts).map(([code, n]) => `\t${nameOf(code)}: ${n}\n`).join('')

export const reportText = (report: CarReport): string => {
  const { layout, blockBytes, cidBytes } = report
  const version2 = layout.version === 1
    ? ''
    : `Characteristics: ${layout.fullyIndexed ? '80' : '00'}${'00'.repeat(15)}\n` +
      `Data offset: ${layout.payloadStart}\n` +
      `Data (payload) length: ${layout.payloadBytes}\n` +
      `Index offset: ${layout.indexOffset ?? 0}\n` +
      `Index type: ${report.indexCodec === undefined ? '(none)' : nameOf(report.indexCodec)}\n`
  return `Version: ${layout.version}\n${version2}` +
    `Roots: ${layout.roots.join(', ')}\n` +
    `Root blocks present in data: ${report.rootsPresent ? 'Yes' : 'No'}\n` +
    `Block count: ${report.blockCount}\n` +
    `Min / average / max block length (bytes): ${blockBytes.min} / ${blockBytes.mean} / ${blockBytes.max}\n` +
    `Min / average / max CID length (bytes): ${cidBytes.min} / ${cidBytes.mean} / ${cidBytes.max}\n` +
    `Block count per codec:\n${countLines(report.codecCounts)}` +
    `CID count per multihash:\n${countLines(report.hashCounts)}` +
    (report.paddingBytes === 0 ? '' : `Zero padding (bytes): ${report.paddingBytes}\n`)
}

export const reportJson = (report: CarReport): object => ({
  version: report.layout.version,
  ...(report.layout.version === 1
    ? {}
    : { fullyIndexed: report.layout.fullyIndexed, dataOffset: report.layout.payloadStart, dataSize: report.layout.payloadBytes, indexOffset: report.layout.indexOffset ?? null, indexCodec: report.indexCodec === undefined ? null : nameOf(report.indexCodec) }),
  roots: report.layout.roots.map(String),
  rootsPresent: report.rootsPresent,
  missingRoots: report.missingRoots.map(String),
  blockCount: report.blockCount,
  blockBytes: report.blockBytes,
  cidBytes: report.cidBytes,
  codecs: Object.fromEntries(ascending(report.codecCounts).map(([code, n]) => [nameOf(code), n])),
  multihashes: Object.fromEntries(ascending(report.hashCounts).map(([code, n]) => [nameOf(code), n])),
  payloadEnd: report.payloadEnd,
  paddingBytes: report.paddingBytes,
})
