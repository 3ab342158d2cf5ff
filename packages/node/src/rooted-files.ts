/** File mounts of a store: what lies under its root is recorded relative to it, so that a moved root goes on working. */
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { filePath, fileUrl, type MountFactory } from '@dagstore/mounts'
import { fileMount } from '@dagstore/mounts/node'

/**
 * Scheme `file`. A path below the root becomes relative to it in the canonical URL, another one absolute; a relative path
 * that is given starts from the root.
 *
 * @param root - absolute
 * @param realRoot - the same folder without symbolic links
 */
export const rootedFileMount = (root: string, realRoot: string): MountFactory => {
  const inner = fileMount({ root })
  return { scheme: 'file', mount: (url) => inner.mount(canonical(url, [root, realRoot])) }
}

/** An absolute path that says nothing twice, of characters that stand for themselves. */
const PLAIN = /^file:\/\/(?:\/(?!\.{1,2}(?:\/|$))[\w.~!*'()-]+)+$/u

const canonical = (url: string, roots: readonly string[]): string => {
  // most are as they should be, and there may be millions of them
  if (sep === '/' && PLAIN.test(url) && !roots.some((root) => url.startsWith(root, 'file://'.length))) return url
  const path = resolve(roots[0] ?? '', filePath(url))
  for (const root of roots) {
    const below = relative(root, path)
    if (below !== '' && below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below)) return fileUrl(below.replaceAll(sep, '/'))
  }
  return fileUrl(path)
}
