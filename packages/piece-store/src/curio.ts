export { createCurioReader, type CurioReader, type CurioReaderOptions, type ParkedPiece } from './curio/curio-reader.ts'
export type { SqlQuery, SqlRow } from './sql-rows.ts'
