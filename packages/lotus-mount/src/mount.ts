export { isSealedFailure, LOTUS_SCHEME, lotusMount, lotusUrl } from './lotus-mount.ts'
