/** What a verification refuses. */

/**
 * One object for all that is a matter of taste in a CAR. Everything else, above all a block that does not hash to its CID,
 * is always refused.
 */
export interface SectionPolicy {
  /**
   * A section length of 0: `zeros` ends the sections there and wants nothing but zeros behind it, as a piece has them;
   * `allow` takes whatever follows, as go-car does with `ZeroLengthSectionAsEOF`; `refuse`, as go-car does without. @default 'zeros'
   */
  readonly padding?: 'zeros' | 'allow' | 'refuse' | undefined
  /** A multihash that is there again. @default 'allow' */
  readonly duplicates?: 'allow' | 'count' | 'refuse' | undefined
  /** A block whose hash function no hasher knows. @default 'refuse' */
  readonly unknownHashes?: 'count' | 'refuse' | undefined
  /** A section whose CID holds its data. @default 'allow' */
  readonly identity?: 'allow' | 'refuse' | undefined
  /** No roots in the header. @default 'refuse' */
  readonly noRoots?: 'allow' | 'refuse' | undefined
  /** A root that no section holds. @default 'refuse' */
  readonly missingRoots?: 'report' | 'refuse' | undefined
  /** A link that leads out of the file; needs `linksOf`. @default 'report' */
  readonly missingLinks?: 'report' | 'refuse' | undefined
  /** The index of a CARv2: none is needed, one must be there, or it is not looked at. @default 'check' */
  readonly index?: 'check' | 'required' | 'ignore' | undefined
}

export type ResolvedPolicy = { readonly [K in keyof SectionPolicy]-?: Exclude<SectionPolicy[K], undefined> }

/** go-car's `car verify`, but that zeros behind the last section are expected and an index is not needed. */
export const SECTION_POLICY: ResolvedPolicy = Object.freeze({
  padding: 'zeros',
  duplicates: 'allow',
  unknownHashes: 'refuse',
  identity: 'allow',
  noRoots: 'refuse',
  missingRoots: 'refuse',
  missingLinks: 'report',
  index: 'check',
})

const CHOICES: { readonly [K in keyof ResolvedPolicy]: readonly ResolvedPolicy[K][] } = {
  padding: ['zeros', 'allow', 'refuse'],
  duplicates: ['allow', 'count', 'refuse'],
  unknownHashes: ['count', 'refuse'],
  identity: ['allow', 'refuse'],
  noRoots: ['allow', 'refuse'],
  missingRoots: ['report', 'refuse'],
  missingLinks: ['report', 'refuse'],
  index: ['check', 'required', 'ignore'],
}

/** @throws {TypeError} a field or a word that there is not */
export const resolveSectionPolicy = (policy: SectionPolicy = {}): ResolvedPolicy => {
  const given = Object.entries(policy).filter(([, word]) => word !== undefined)
  for (const [name, word] of given) {
    const words: readonly string[] | undefined = Object.hasOwn(CHOICES, name) ? CHOICES[name as keyof ResolvedPolicy] : undefined
    if (words === undefined) throw new TypeError(`no such field of a section policy; got=${name}`)
    if (!words.includes(word as string)) throw new TypeError(`section policy ${name}; want=${words.join(', ')} got=${String(word)}`)
  }
  return { ...SECTION_POLICY, ...Object.fromEntries(given) }
}
