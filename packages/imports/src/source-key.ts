/** Under which text an import is found by its source. */
import { DEFAULT_PROFILE } from '@dagstore/unixfs-builder'
import type { ImportSource } from './imports.ts'
import type { ImportRecord, LinkPolicy } from './record.ts'

export const treeSource = ({ sourceLabel, fingerprint, profile = DEFAULT_PROFILE, links = 'refuse', form = 'dense' }: ImportSource): string =>
  JSON.stringify([sourceLabel, fingerprint, profile, links, ...form === 'dense' ? [] : [form]])

export const carSource = (carPath: string, fingerprint: string): string => JSON.stringify([carPath, fingerprint, 'car'])

const LINK_POLICIES: readonly LinkPolicy[] = ['refuse', 'skip', 'keep']

/** Those under which a record may be found: earlier ones do not say what became of links. */
export const sourceKeysOf = ({ filename: sourceLabel, fingerprint, profile, links, form }: ImportRecord): readonly string[] => {
  if (fingerprint === undefined) return []
  if (profile === undefined) return [carSource(sourceLabel, fingerprint)]
  return (links === undefined ? LINK_POLICIES : [links]).map((policy) => treeSource({ sourceLabel, fingerprint, profile, links: policy, form: form === 'ref' ? 'ref' : 'dense' }))
}
