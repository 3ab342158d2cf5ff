/** `car verify`: whether a CAR is whole and true. */
import type { Command } from 'commander'
import { resolveSectionPolicy, SECTION_POLICY, type SectionPolicy, verifyCar } from '@dagstore/carv2'
import { CommandError } from '../failure.ts'
import { openAllHashes } from '../hashes.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { count, toJson } from '../text.ts'
import { refuseForeignData, withSource } from './input.ts'

interface VerifyOptions extends CommonOptions {
  readonly complete?: boolean
  readonly policy: readonly string[]
}

export const addVerifyCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  const fields = Object.entries(SECTION_POLICY).map(([field, word]) => `${field}=${String(word)}`).join(' ')
  common(car.command('verify').alias('v'))
    .description('check every section, hash, root and index entry; silent when all is well')
    .argument('<file>', 'a CAR; - is what is piped in')
    .option('--complete', 'refuse a CAR that lacks blocks its own blocks link to')
    .option('--policy <field=word>', `what is allowed or refused, may be given again; as it is: ${fields}`, (word: string, words: readonly string[]) => [...words, word], [])
    .action(async (file: string, options: VerifyOptions) => {
      const policy: SectionPolicy = { ...policyOf(options.policy), ...(options.complete === true ? { missingLinks: 'refuse' } : {}) }
      await verify(file, policy, options, terminal)
    })
}

const verify = async (file: string, policy: SectionPolicy, options: VerifyOptions, terminal: Terminal): Promise<void> => {
  const [hashes, { linksOf }] = await Promise.all([openAllHashes(), import('@dagstore/dag')])
  const report = await withSource(file, 'verify', terminal, async (source, onProgress) => {
    // before it is told that none of its leaves hash to what their CIDs say
    await refuseForeignData(source, terminal)
    return verifyCar(source, hashes, { policy, linksOf, onProgress, signal: terminal.signal })
  })
  const { missing, missingCount, missingRoots, unknownHashCount, duplicateCount, undecodable } = report
  if (options.json === true) {
    const { blockCount, payloadEnd, paddingBytes, identityCount, index } = report
    terminal.stdout(`${toJson({ ok: true, blockCount, payloadEnd, paddingBytes, identityCount, unknownHashCount, duplicateCount: duplicateCount ?? null, index, missingRoots: missingRoots.map(String), missingCount, missing: missing.map(String), undecodable })}\n`)
    return
  }
  for (const cid of [...missingRoots, ...missing]) terminal.stdout(`missing ${cid.toString()}\n`)
  if (missingCount > 0) terminal.stderr(`${count(missingCount, 'block')} that others link to ${missingCount === 1 ? 'is' : 'are'} not in this CAR\n`)
  if (unknownHashCount > 0) terminal.stderr(`${count(unknownHashCount, 'block')} could not be hashed\n`)
  if ((duplicateCount ?? 0) > 0) terminal.stderr(`${count(duplicateCount ?? 0, 'block')} ${duplicateCount === 1 ? 'is a repeat' : 'are repeats'}\n`)
}

/** @throws {CommandError} `COMMAND_USAGE` */
const policyOf = (words: readonly string[]): SectionPolicy => {
  const policy: Record<string, string> = {}
  for (const text of words) {
    const [field, word, ...more] = text.split('=')
    if (field === undefined || word === undefined || more.length > 0 || !Object.hasOwn(SECTION_POLICY, field)) {
      throw new CommandError('COMMAND_USAGE', `not a field of the policy: ${text} (${Object.keys(SECTION_POLICY).join(', ')})`)
    }
    policy[field] = word
  }
  try {
    return resolveSectionPolicy(policy)
  } catch (cause) {
    throw new CommandError('COMMAND_USAGE', cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
