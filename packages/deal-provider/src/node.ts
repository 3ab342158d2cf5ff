export { openReportFile, type ReportFile } from './node-report-file.ts'
