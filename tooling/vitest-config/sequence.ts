/**
 * In which order the files of a run come, and how a run is divided.
 *
 * The longest come first, whatever their package: with several processors nothing long is left for the end. Parts
 * (`--shard=1/2`) hold every second file, by path; what depends most on the version of Node is in each part.
 */
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const CUTS = /\.(?:crash|faults)\.test\.ts$/
const NEAR_NODE = /\/packages\/(?:(?:helia|rpc|hashes|node)\/|io\/test\/node-|piece\/test\/(?:engines|node-|workers)|cli\/test\/(?:daemon|pty|start|streams|terminal))/

class LongestFirst extends BaseSequencer {
  /** Milliseconds: what the file took last, or a guess. */
  #expected ({ project, moduleId }: TestSpecification): number {
    const key = `${project.name}:${relative(this.ctx.config.root, moduleId)}`
    const known = this.ctx.cache.getFileTestResults(key)
    return known?.duration ?? (CUTS.test(moduleId) ? 30_000 : (this.ctx.cache.getFileStats(key)?.size ?? 0) / 10)
  }

  override async sort (files: TestSpecification[]): Promise<TestSpecification[]> {
    const expected = new Map(files.map((file) => [file, this.#expected(file)]))
    return [...files].sort((a, b) => (expected.get(b) ?? 0) - (expected.get(a) ?? 0))
  }

  override async shard (files: TestSpecification[]): Promise<TestSpecification[]> {
    const { index, count } = this.ctx.config.shard ?? { index: 1, count: 1 }
    const byPath = [...files].sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1))
    const divided = byPath.filter(({ moduleId }) => !NEAR_NODE.test(moduleId)).filter((_, i) => i % count === index - 1)
    return [...byPath.filter(({ moduleId }) => NEAR_NODE.test(moduleId)), ...divided]
  }
}

export default LongestFirst
