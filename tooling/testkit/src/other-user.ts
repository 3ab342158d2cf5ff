/** Another user of this machine, as whom a program can be run. */
import { spawnSync } from 'node:child_process'

export interface OtherUser { readonly uid: number, readonly gid: number }

/** `nobody` of most systems. */
const NOBODY: OtherUser = { uid: 65_534, gid: 65_534 }

/** `undefined`: only root can become another user, and that one must be able to run this Node. */
export const otherUser = (): OtherUser | undefined =>
  process.getuid?.() === 0 && spawnSync(process.execPath, ['--version'], { ...NOBODY, cwd: '/' }).status === 0 ? NOBODY : undefined
