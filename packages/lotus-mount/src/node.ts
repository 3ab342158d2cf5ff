export { localSectors } from './node-local-sectors.ts'
