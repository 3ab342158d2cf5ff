export { type AllowedPaths, allowedPaths } from './node/allowed-paths.ts'
export { nodeReferencedFiles, type NodeReferencedFilesOptions } from './node/node-files.ts'
