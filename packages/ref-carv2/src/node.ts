export { nodeReferencedFiles, type NodeReferencedFilesOptions } from './node/node-files.ts'
