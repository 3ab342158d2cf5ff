export { nodeSourceFiles, type NodeSourceFilesOptions } from './node/node-sources.ts'
