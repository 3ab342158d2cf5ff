export { ImportError, type ImportErrorCode } from './errors.ts'
export type {
  AdoptedImport, AdoptOptions, ImportCarOptions, ImportCheck, ImportFault, ImportPathOptions, ImportProgressOptions, ImportResult, Imports, ImportsCount, ImportSource, ImportTreeOptions,
  LotusImportRecord, OpenImport, VerifyImportOptions,
} from './imports.ts'
export { decodeLabels, type Labels } from './labels.ts'
export { decodeLotusImport, readLotusImports } from './lotus-records.ts'
export { openImports, type ImportsParts, type ImportsPlace, type ImportsState } from './open-imports.ts'
export type { ImportForm, ImportPiece, ImportRecord, LinkPolicy, WholeImport } from './record.ts'
export { createMemoryRecords, type RecordTable } from './record-table.ts'
export type { SourceFiles, SourceStat } from './sources.ts'
