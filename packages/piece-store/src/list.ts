export { createListReader, type ListReaderOptions } from './list/list-reader.ts'
