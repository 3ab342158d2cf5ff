export { openCarFile } from './node-car-file.ts'
