export type { IndexTrust } from './index-choice.ts'
export { type IndexMount, type MountOptions, type MountParts, openIndexMount } from './mount.ts'
export type { IndexOrigin } from './mounted-index.ts'
