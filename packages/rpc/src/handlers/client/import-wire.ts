/** Imports as they go over the wire. */
import type { ClientAdoptedImport, ClientBrokenImport, ClientImportCheck, Import } from '@dagstore/lotus-api'
import { errorText } from '../failures.ts'
import type { AdoptedImportFacts, BrokenImport, ClientImportFacts, ImportCheckFacts } from './import-parts.ts'

/** @param broken - why it cannot be read; `''`: it can */
export const importOf = ({ id, root, source, filename, carPath, form, profile, blocks, carBytes, fileBytes, piece }: ClientImportFacts, broken = ''): Import => ({
  Key: id,
  Err: broken,
  Root: root ?? null,
  Source: source,
  FilePath: filename,
  CARPath: carPath ?? '',
  Form: form,
  ...(profile === undefined ? {} : { Profile: profile }),
  ...(blocks === undefined ? {} : { Blocks: blocks }),
  ...(carBytes === undefined ? {} : { CARBytes: carBytes }),
  ...(fileBytes === undefined ? {} : { FileBytes: fileBytes }),
  ...(piece === undefined ? {} : { PieceCID: piece.pieceCid }),
})

export const brokenOf = ({ record: { id, root, source, filename }, reason, message }: BrokenImport): ClientBrokenImport =>
  ({ Key: id, Reason: reason, Message: message, Root: root ?? null, Source: source, FilePath: filename })

export const adoptedOf = ({ id, root, filename, adopted, error }: AdoptedImportFacts): ClientAdoptedImport =>
  ({ Key: id, Root: root ?? null, FilePath: filename, Adopted: adopted, Error: errorText(error) })

/** Of one report. */
const MAX_FAULTS = 100

export const checkOf = ({ record, checkedBlocks, checkedBytes, faultCount, faults }: ImportCheckFacts): ClientImportCheck => ({
  Import: importOf(record),
  Sound: faultCount === 0,
  CheckedBlocks: checkedBlocks,
  CheckedBytes: checkedBytes,
  FaultCount: faultCount,
  Faults: faults.slice(0, MAX_FAULTS).map(({ code, message, cid, path, offset }) => ({ Code: code, Message: message, Cid: cid ?? null, Path: path ?? '', Offset: offset ?? null })),
})
