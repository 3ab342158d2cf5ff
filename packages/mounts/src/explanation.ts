/** What mounts say of themselves to people, through whatever they are wrapped in. */
import type { CallOptions } from '@dagstore/io'
import type { Mount } from './mount.ts'

/** That of the mount itself, if it has one. */
export const explanationOf = (mount: Mount): Pick<Mount, 'explain'> => mount.explain === undefined ? {} : { explain: (options) => mount.explain!(options) }

/** Those of several, each with its place from 1 on; none where none has one. */
export const explanationsOf = (mounts: readonly Mount[]): Pick<Mount, 'explain'> => mounts.every(({ explain }) => explain === undefined) ? {} : {
  explain: async (options: CallOptions = {}) => (await Promise.all(mounts.map(async (mount, at) => mount.explain === undefined ? [] : [`${at + 1}: ${await mount.explain(options)}`]))).flat().join('; '),
}
