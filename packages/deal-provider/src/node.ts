export { adoptDagstoreFolder, type AdoptFolderOptions } from './adopt/node-adopt-folder.ts'
export { openReportFile, type ReportFile } from './node-report-file.ts'
