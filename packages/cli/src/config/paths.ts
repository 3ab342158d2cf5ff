/** Paths in the configuration: those of a file are taken from its folder, others from the working one. */
import { join, resolve } from 'node:path'
import type { Config } from './config.ts'
import { KEYS } from './keys.ts'

/** The value of the field with its paths absolute; '' and '-' (no file) stay. @param home - of `~/`; without it, that is a folder of this name */
export const resolvePaths = (field: keyof Config, value: unknown, folder: string, home: string | undefined): unknown => {
  if (KEYS[field].paths !== true) return value
  return Array.isArray(value) ? value.map((path: string) => resolvePath(path, folder, home)) : resolvePath(value as string, folder, home)
}

const resolvePath = (path: string, folder: string, home: string | undefined): string => {
  if (path === '' || path === '-') return path
  return home !== undefined && (path === '~' || path.startsWith('~/')) ? join(home, path.slice(1)) : resolve(folder, path)
}
