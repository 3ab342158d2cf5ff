export { fileMount, type NodeFileMountOptions } from './node-file-mount.ts'
export { localFiles, type NodeLocalFilesOptions } from './node-local-files.ts'
