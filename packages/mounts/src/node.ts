export { fileMount, type NodeFileMountOptions } from './node-file-mount.ts'
