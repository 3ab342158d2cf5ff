export { openHashes } from './node/open-hashes.ts'
