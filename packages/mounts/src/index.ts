export type { AdoptMode, LocalFiles } from './adoption.ts'
export { bytesMount, bytesUrl, MAX_BYTES_URL_BYTES } from './bytes-mount.ts'
export { anyChecker, type ContentCheck, type ContentChecker, type ContentIdentity, digestChecker, type StreamHash } from './content-check.ts'
export { MountError, type MountErrorCode, toMountError } from './errors.ts'
export { fileMount, type FileMountOptions, type FilePort } from './file-mount.ts'
export { filePath, fileUrl } from './file-url.ts'
export { type HttpMountOptions, httpMounts } from './http-mount.ts'
export { absent, type Mount, type MountBytes, type MountFactory, type MountStat, type RandomBytes, type SequentialBytes } from './mount.ts'
export { openRandom, type OpenRandomOptions } from './open-random.ts'
export { afterScheme, createMountRegistry, type MountRegistry } from './registry.ts'
export { transientName } from './transient-name.ts'
export {
  type AdoptOptions, type CollectedTransient, type CollectedTransients, type CollectOptions, openTransients, type OpenTransientOptions, type TransientOf,
  type Transients, TRANSIENTS_DEFAULTS, type TransientsOptions, type TransientsUsage
} from './transients.ts'
