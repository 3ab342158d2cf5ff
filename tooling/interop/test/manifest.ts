/** `vectors/manifest.json` as written by `go/vectors`; units and meanings stand with the Go types of the same names. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface SectionFacts {
  readonly cid: string
  readonly offset: number
  readonly fileOffset: number
  readonly size: number
}

export interface IndexEntryFacts {
  /** Multihash in hex under 0x0401, bare digest under 0x0400. */
  readonly key: string
  readonly offset: number
}

export interface AttachedIndexFacts {
  readonly codec: '0x0400' | '0x0401'
  readonly bytes: number
  readonly count: number
  readonly entries: readonly IndexEntryFacts[]
}

export interface LengthRange {
  readonly min: number
  readonly mean: number
  readonly max: number
}

export interface CarFacts {
  readonly file: string
  readonly about: string
  readonly version: 1 | 2
  readonly header?: { readonly dataOffset: number, readonly dataSize: number, readonly indexOffset: number, readonly fullyIndexed: boolean }
  readonly roots: readonly string[] | null
  readonly zeroPaddingBytes: number
  readonly blocks: readonly SectionFacts[]
  readonly index?: AttachedIndexFacts
  readonly inspect: {
    readonly rootsPresent: boolean
    readonly codecs: Readonly<Record<string, number>>
    readonly hashes: Readonly<Record<string, number>>
    readonly cidBytes: LengthRange | null
    readonly blockBytes: LengthRange | null
  }
}

export interface IndexFileFacts extends AttachedIndexFacts {
  readonly file: string
  readonly car: string
  readonly storeIdentity: boolean
}

export interface TornFacts {
  readonly file: string
  readonly about: string
  readonly finalized: boolean
  readonly roots: readonly string[]
  readonly dataOffset: number
  readonly blocks: readonly SectionFacts[]
  readonly payloadEnd: number
  readonly size: number
  readonly goCarResume: { readonly accepted: boolean, readonly keys: number, readonly damaged: readonly string[] }
}

export interface CommpFacts {
  readonly seed: number
  readonly size: number
  readonly paddedSize: number
  readonly v1: string
  readonly v2: string | null
  readonly zeroExtended: boolean
}

export interface RleRun {
  readonly set: boolean
  readonly length: number
}

export interface RleFacts {
  readonly about: string
  readonly runs: readonly RleRun[]
  readonly hex: string
  readonly decoded: readonly RleRun[]
  readonly count: number
}

export interface FileDag {
  readonly profile: string
  readonly seed: number
  readonly size: number
  readonly root: string
  readonly cumulative: number
  readonly blocks: number
  readonly blockBytes: number
}

export interface TreeEntryFacts {
  readonly name: string
  readonly seed?: number
  readonly size?: number
  readonly count?: number
  readonly entries?: readonly TreeEntryFacts[]
}

export interface DirectoryDag {
  readonly profile: string
  readonly tree: string
  readonly root: string
  readonly cumulative: number
  readonly blocks: number
  readonly blockBytes: number
  readonly sharded: boolean
  readonly parts: Readonly<Record<string, string>>
}

export interface PayloadDag {
  readonly profile: string
  readonly tree?: string
  readonly seed: number
  readonly size: number
  readonly root: string
  readonly bytes: number
  readonly blocks: number
  readonly sha256: string
  readonly paddedSize?: number
  readonly pieceV1?: string
}

export interface Manifest {
  readonly format: 1
  readonly generator: { readonly rule: string, readonly checks: readonly { readonly seed: number, readonly size: number, readonly sha256: string }[] }
  readonly tools: { readonly go: string, readonly modules: Readonly<Record<string, string>> }
  readonly files: readonly { readonly name: string, readonly size: number, readonly sha256: string }[]
  readonly cars: readonly CarFacts[]
  readonly indices: readonly IndexFileFacts[]
  readonly torn: readonly TornFacts[]
  readonly commp: readonly CommpFacts[]
  readonly fr32: readonly { readonly about: string, readonly in: string, readonly out: string }[]
  readonly rle: readonly RleFacts[]
  readonly unixfs: {
    readonly files: readonly FileDag[]
    readonly trees: readonly { readonly name: string, readonly entries: readonly TreeEntryFacts[] }[]
    readonly directories: readonly DirectoryDag[]
  }
  readonly payloads: readonly PayloadDag[]
}

export const VECTORS: string = fileURLToPath(new URL('../vectors/', import.meta.url))

/** A fresh copy of one vector. */
export const readVector = (name: string): Uint8Array => new Uint8Array(readFileSync(`${VECTORS}${name}`))

export const manifest: Manifest = JSON.parse(readFileSync(`${VECTORS}manifest.json`, 'utf8')) as Manifest
