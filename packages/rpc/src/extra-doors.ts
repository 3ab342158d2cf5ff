/** Several things that are answered on one port, each at paths of its own. */
import type { ExtraAccess, ExtraHandler } from './extra-requests.ts'
import type { ServeOptions } from './serve.ts'

export interface ExtraDoor {
  /** Whether a path, without its query, is behind this door. */
  claims (path: string): boolean
  readonly access: ExtraAccess
  readonly handler: ExtraHandler
}

/** For {@link ServeOptions}: the first door that claims a path answers there, or nobody does. */
export const extraDoors = (doors: readonly ExtraDoor[]): Pick<ServeOptions, 'extra' | 'extraAccess'> => {
  if (doors.length === 0) return {}
  const doorOf = (path: string): ExtraDoor | undefined => doors.find((door) => door.claims(path))
  return {
    extra: (request, response, context) => doorOf((request.url ?? '').replace(/\?.*$/s, ''))?.handler(request, response, context) ?? false,
    extraAccess: (path) => doorOf(path)?.access ?? 'gate',
  }
}
