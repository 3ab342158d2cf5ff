export { createCarFile, extendCarFile, resumeCarFile } from './node-files.ts'
