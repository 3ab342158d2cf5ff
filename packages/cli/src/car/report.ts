/** What `car inspect` prints, in the words of go-car's command. */
import type { CarReport } from '@dagstore/carv2'
import { explain } from '../failure.ts'
import { nameOf } from './code-names.ts'

const ascending = (counts: ReadonlyMap<number, number>): [number, number][] => [...counts].sort(([a], [b]) => a - b)
const countLines = (counts: ReadonlyMap<number, number>): string => ascending(counts).map(([code, n]) => `\t${nameOf(code)}: ${n}\n`).join('')
const hexOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? new Uint8Array(16)).toString('hex')

const rootLines = (roots: readonly string[]): string => {
  if (roots.length === 0) return 'Roots: (none)\n'
  return roots.length === 1 ? `Roots: ${roots[0]}\n` : `Roots:\n${roots.map((root) => `\t${root}\n`).join('')}`
}

/** @param references - whether its leaves are references into other files */
export const reportText = (report: CarReport, references: boolean): string => {
  const { layout, blockBytes, cidBytes, index } = report
  const version2 = layout.version === 1
    ? ''
    : `Characteristics: ${hexOf(layout.characteristics)}\n` +
      `Data offset: ${layout.payloadStart}\n` +
      `Data (payload) length: ${layout.payloadBytes}\n` +
      `Index offset: ${layout.indexOffset ?? 0}\n` +
      `Index type: ${report.indexCodec === undefined ? '(none)' : nameOf(report.indexCodec)}\n`
  return `Version: ${layout.version}\n${version2}` +
    rootLines(layout.roots.map(String)) +
    `Root blocks present in data: ${report.rootsPresent ? 'Yes' : 'No'}\n` +
    `Block count: ${report.blockCount}\n` +
    `Min / average / max block length (bytes): ${blockBytes.min} / ${blockBytes.mean} / ${blockBytes.max}\n` +
    `Min / average / max CID length (bytes): ${cidBytes.min} / ${cidBytes.mean} / ${cidBytes.max}\n` +
    `Block count per codec:\n${countLines(report.codecCounts)}` +
    `CID count per multihash:\n${countLines(report.hashCounts)}` +
    (references ? 'References into other files: Yes\n' : '') +
    (report.paddingBytes === 0 ? '' : `Zero padding (bytes): ${report.paddingBytes}\n`) +
    (index?.fault === undefined ? '' : `Index unusable: ${explain(index.fault)}\n`)
}

export const reportJson = (report: CarReport, references: boolean): object => {
  const { layout, index } = report
  return {
    version: layout.version,
    ...(layout.version === 1
      ? {}
      : {
          characteristics: hexOf(layout.characteristics),
          fullyIndexed: layout.fullyIndexed,
          dataOffset: layout.payloadStart,
          dataSize: layout.payloadBytes,
          indexOffset: layout.indexOffset ?? null,
          indexCodec: report.indexCodec === undefined ? null : nameOf(report.indexCodec),
          index: index === undefined
            ? null
            : {
                offset: index.offset ?? null,
                sizeBytes: index.sizeBytes,
                entryCount: index.entryCount ?? null,
                trailer: index.trailer,
                fault: index.fault === undefined ? null : { code: index.fault.code, message: index.fault.message, offset: index.fault.offset ?? null },
              },
        }),
    roots: layout.roots.map(String),
    rootsPresent: report.rootsPresent,
    missingRoots: report.missingRoots.map(String),
    blockCount: report.blockCount,
    blockBytes: report.blockBytes,
    cidBytes: report.cidBytes,
    codecs: Object.fromEntries(ascending(report.codecCounts).map(([code, n]) => [nameOf(code), n])),
    references,
    multihashes: Object.fromEntries(ascending(report.hashCounts).map(([code, n]) => [nameOf(code), n])),
    payloadEnd: report.payloadEnd,
    paddingBytes: report.paddingBytes,
  }
}
