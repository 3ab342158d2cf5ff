export { type CarReport, exportCarTo } from './node/export-car-to.ts'
export { exportTo, type ExportOptions, type ExportReport } from './node/export-to.ts'
