import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { manifestProblems, packageManifests } from '../../bootstrap/manifests.mjs'
import { checkAmbient } from '../src/ambient.ts'
import { compareLayerTables, readLayerTable } from '../src/architecture-table.ts'
import { checkCycles } from '../src/cycles.ts'
import { checkDecisions } from '../src/decisions.ts'
import { checkDependencies } from '../src/dependencies.ts'
import { checkEntries } from '../src/entries.ts'
import { checkFileLengths } from '../src/file-length.ts'
import { checkLayers, LAYERS } from '../src/layers.ts'
import { checkMachines } from '../src/machine.ts'
import { checkPlatform } from '../src/platform.ts'
import { checkReadmes } from '../src/readme.ts'
import { readWorkspace } from '../src/workspace.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const workspace = readWorkspace(root)
const { packages } = workspace

describe('this workspace', () => {
  it('is seen whole by these checks', () => {
    expect(packages.length).toBeGreaterThanOrEqual(LAYERS.size)
    expect(packages.filter((pkg) => !pkg.files.some(({ path }) => path.startsWith('src/'))).map((pkg) => pkg.folder)).toEqual([])
    expect(packages.filter((pkg) => !pkg.files.some(({ path }) => path.startsWith('test/'))).map((pkg) => pkg.folder)).toEqual([])
  })

  it('keeps its layers: no dependency upwards or sideways', () => {
    expect(checkLayers(workspace)).toEqual([])
  })

  it('documents the same layers in docs/architecture.md', () => {
    const path = join(root, 'docs', 'architecture.md')
    expect(compareLayerTables(LAYERS, readLayerTable(existsSync(path) ? readFileSync(path, 'utf8') : ''))).toEqual([])
  })

  it('declares what it imports, imports what it declares, and reaches into no other package', () => {
    expect(checkDependencies(workspace)).toEqual([])
  })

  it('has a decision for each runtime dependency', () => {
    expect(checkDecisions(packages, readFileSync(join(root, 'docs', 'decisions', '0001-runtime-dependencies.md'), 'utf8'))).toEqual([])
  })

  it('exports files that exist, and has no source that no export leads to', () => {
    expect(checkEntries(packages)).toEqual([])
  })

  it('has no circle of files', () => {
    expect(checkCycles(packages)).toEqual([])
  })

  it('needs Node only in packages marked N and behind ./node', () => {
    expect(checkPlatform(packages)).toEqual([])
  })

  it('takes time and chance through ports', () => {
    expect(checkAmbient(packages)).toEqual([])
  })

  it('keeps its state machines pure', () => {
    expect(checkMachines(packages)).toEqual([])
  })

  it('has a README for every package that is short, shows a use and lists the error codes', () => {
    expect(checkReadmes(packages)).toEqual([])
  })

  it('has no file that grew too long', () => {
    expect(checkFileLengths(packages)).toEqual([])
  })

  it('has uniform manifests (npm run manifests writes them)', () => {
    expect(packageManifests(root).flatMap(({ folder, text }) => manifestProblems(folder, JSON.parse(text)).map((problem) => `packages/${folder}/package.json: ${problem}`))).toEqual([])
  })
})
