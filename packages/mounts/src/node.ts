export { fileMount, type NodeFileMountOptions } from './node-file-mount.ts'
export { localFiles, type NodeLocalFilesOptions } from './node-local-files.ts'
export { nodeGuardedFetch, type NodeGuardedFetchOptions } from './node-guarded-fetch.ts'
