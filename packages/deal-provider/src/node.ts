export { adoptDagstoreFolder, type AdoptFolderOptions } from './node-adopt-folder.ts'
export { openReportFile, type ReportFile } from './node-report-file.ts'
