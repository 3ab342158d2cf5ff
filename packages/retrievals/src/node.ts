export { exportTo, type ExportOptions, type ExportReport } from './node/export-to.ts'
