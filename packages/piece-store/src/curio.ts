export { createCurioReader, type CurioReaderOptions } from './curio/curio-reader.ts'
export type { SqlQuery, SqlRow } from './sql-rows.ts'
