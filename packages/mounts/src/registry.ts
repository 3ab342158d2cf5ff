/** From a URL to a mount, by its scheme. */
import { MountError } from './errors.ts'
import type { HostGuard } from './host-guard.ts'
import type { Mount, MountFactory } from './mount.ts'
import { schemeOf } from './url-scheme.ts'

/** A value, passed in; nothing registers itself. */
export interface MountRegistry {
  /** @throws {MountError} `MOUNT_UNKNOWN_SCHEME`: no factory for it. `MOUNT_BAD_URL`: no scheme, or the factory refuses the rest */
  resolve(url: string): Mount
}

const SCHEME = /^[a-z][a-z0-9+.-]*$/u

export interface MountRegistryOptions {
  /**
   * The URLs come from somebody who is not trusted, such as a caller over the network: each is checked before it is resolved.
   * What a name stands for, and where it redirects to, `httpMounts({ guard })` checks.
   *
   * @default they are trusted
   */
  readonly untrusted?: HostGuard | undefined
}

/** @throws {TypeError} two factories of one scheme, or a scheme that is none */
export const createMountRegistry = (factories: readonly MountFactory[], { untrusted }: MountRegistryOptions = {}): MountRegistry => {
  const byScheme = new Map<string, MountFactory>()
  for (const factory of factories) {
    if (!SCHEME.test(factory.scheme)) throw new TypeError(`bad scheme; got=${JSON.stringify(factory.scheme)}`)
    if (byScheme.has(factory.scheme)) throw new TypeError(`two mount factories of one scheme; scheme=${factory.scheme}`)
    byScheme.set(factory.scheme, factory)
  }
  return {
    resolve: (url) => {
      const scheme = schemeOf(url)
      untrusted?.checkUrl(url)
      const factory = byScheme.get(scheme)
      if (factory !== undefined) return factory.mount(url)
      throw new MountError('MOUNT_UNKNOWN_SCHEME', `no mount for this scheme; scheme=${scheme} known=${[...byScheme.keys()].join(',')}`)
    },
  }
}
