/**
 * Mount URLs that callers name: they make this process read files and ask hosts.
 *
 * All methods that take one need `admin`, so files of this machine are allowed; hosts are judged as those of any stranger, since a token
 * that leaks must not open what only this machine can reach.
 */
import { createHostGuard, GUARDED_SCHEMES, type HostGuardOptions } from '@dagstore/mounts'

export interface MountUrls {
  /** @throws {MountError} `MOUNT_FORBIDDEN`, `MOUNT_BAD_URL` */
  check (url: string): void
}

export const createMountUrls = (hosts: HostGuardOptions = {}): MountUrls => {
  const guard = createHostGuard({ schemes: [...GUARDED_SCHEMES, 'file', 'bytes'], ...hosts })
  return { check: (url) => { guard.checkUrl(url) } }
}
