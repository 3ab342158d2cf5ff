export { type CarFileMountOptions, openCarFile } from './node-car-file.ts'
