export { IndexRepoError, type IndexRepoErrorCode } from './errors.ts'
export { indexName, parseIndexName } from './index-name.ts'
export { type IndexRepo, openIndexRepo, type Scratch, type StoredIndex } from './index-repo.ts'
export { decodeKey, encodeKey, MAX_KEY_BYTES } from './key-name.ts'
