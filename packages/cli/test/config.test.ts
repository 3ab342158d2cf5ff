import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { effectiveConfig } from '../src/config/effective.ts'
import type { ConfigKey } from '../src/config/config-key.ts'
import { envName, FIELDS, KEYS } from '../src/config/keys.ts'
import { parseListen } from '../src/config/listen.ts'
import { readConfigText } from '../src/config/read-file.ts'
import { defaultText, effectiveText } from '../src/config/show.ts'
import { tomlPlaces } from '../src/config/toml-places.ts'
import { parseBytes, parseDuration, showDuration, showExactBytes } from '../src/config/values.ts'
import type { CommandError } from '../src/failure.ts'
import type { Terminal } from '../src/terminal.ts'
import { configPage } from './config-page.ts'
import { temporaryFolder } from './terminal.ts'

const read = (text: string): ReturnType<typeof readConfigText> => readConfigText(text, { label: 'x.toml', folder: '/etc/dagstore', home: '/home/me' })

const refusal = (work: () => unknown): CommandError => {
  try {
    work()
  } catch (error) {
    return error as CommandError
  }
  throw new Error('was not refused')
}

const terminalIn = (cwd: string, env: Record<string, string> = {}): Terminal =>
  ({ stdout: () => {}, stderr: () => {}, interactive: false, colors: false, cwd, env, signal: new AbortController().signal })

describe('durations and sizes', () => {
  it.each([['0', 0], ['0s', 0], ['1m', 60_000], ['1h30m', 5_400_000], ['1.5s', 1500], ['300ms', 300], ['.5s', 500], ['2us', 0.002], ['1m0s', 60_000]])('reads %s as Go does', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each(['', '5', '-1m', '1 m', '1d', 'm', '1m ', '1e3s', '99999999999h'])('refuses %j', (text) => { expect(parseDuration(text)).toBeUndefined() })

  it('writes durations and sizes that it reads as the same', () => {
    fc.assert(fc.property(fc.nat({ max: 10 ** 9 }), fc.nat({ max: 2 ** 40 }), (ms, bytes) => {
      expect(parseDuration(showDuration(ms))).toBe(ms)
      expect(parseBytes(showExactBytes(bytes))).toBe(bytes)
    }))
  })

  it.each([['64MiB', 2 ** 26], ['1.5 GB', 1_500_000_000], ['7', 7], ['1k', undefined], ['-1', undefined], ['0.5', undefined], ['1XiB', undefined], ['99999999TiB', undefined]])('reads %s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes)
  })

  it.each([['127.0.0.1:2350', '127.0.0.1', 2350], ['[::1]:0', '::1', 0], [':80', '0.0.0.0', 80], ['node.example:1', 'node.example', 1]])('listens at %s', (text, host, port) => {
    expect(parseListen(text)).toEqual({ host, port })
  })

  it.each(['2350', 'x', '::1:80', '127.0.0.1:65536', '127.0.0.1:', 'a b:1'])('does not listen at %s', (text) => { expect(parseListen(text)).toBeUndefined() })
})

describe('the table of keys', () => {
  it('has the keys and defaults of Lotus', () => {
    expect(FIELDS.filter((field) => KEYS[field].section === 'DAGStore').map((field) => [KEYS[field].name, KEYS[field].default, KEYS[field].lotusEnv])).toEqual([
      ['RootDir', '', undefined],
      ['MaxConcurrentIndex', 5, undefined],
      ['MaxConcurrentReadyFetches', 0, 'LOTUS_DAGSTORE_COPY_CONCURRENCY'],
      ['MaxConcurrentUnseals', 5, undefined],
      ['MaxConcurrencyStorageCalls', 100, 'LOTUS_DAGSTORE_MOUNT_CONCURRENCY'],
      ['GCInterval', 60_000, undefined],
    ])
  })

  it('gives every key a name of its own in its section, and a variable of its own', () => {
    const names = FIELDS.map((field) => `${KEYS[field].section}.${KEYS[field].name}`)
    const variables = FIELDS.map((field) => envName(KEYS[field]))
    for (const all of [names, variables]) expect(new Set(all).size).toBe(all.length)
    expect(variables).toContain('DAGSTORE_CLIENT_TRANSFERBYTESPERSECOND')
    expect(read('[Client]\nTransferBytesPerSecond = 5\n').values).toEqual({ clientTransferBytesPerSecond: 5 })
    expect(read('[Deals]\nTransferBytesPerSecond = 5\n').values).toEqual({ transferBytesPerSecond: 5 })
  })

  it('writes each default as text and as TOML that it reads as the same', () => {
    for (const field of FIELDS) {
      const key: ConfigKey<any> = KEYS[field]
      const { value } = parse(`value = ${key.kind.show(key.default)}`, { integersAsBigInt: true })
      expect(key.kind.read(value), key.name).toEqual(key.default)
    }
  })

  it('makes a file of defaults that changes nothing, and everything when its comments are taken away', () => {
    expect(read(defaultText()).values).toEqual({})
    const all = read(defaultText().replace(/^# (\w+ = )/gm, '$1'))
    expect(all.values).toEqual(Object.fromEntries(FIELDS.map((field) => [field, KEYS[field].default])))
  })

  it('makes docs/config.md', async () => {
    await expect(configPage()).toMatchFileSnapshot('../../../docs/config.md')
  })
})

describe('a configuration file', () => {
  it('of a Lotus miner or of Boost is taken: its own keys are passed over', () => {
    const sections = ['API', 'Backup', 'Common', 'Libp2p', 'Pubsub', 'Logging.SubsystemLevels', 'Subsystems', 'Dealmaking', 'LotusDealmaking', 'IndexProvider', 'Proving', 'Sealing', 'Storage', 'Fees', 'Addresses', 'Wallets', 'Graphql', 'Monitoring', 'Tracing', 'ContractDeals', 'HttpDownload', 'Retrievals', 'Wallet', 'Curio', 'LocalIndexDirectory', 'HarmonyDB', 'CurioConfig']
    const { values, ignored, lines } = read(`ConfigVersion = 4\n${sections.map((name) => `[${name}]\n  Anything = 1\n`).join('')}[DAGStore]\n  #RootDir = ""\n  MaxConcurrentIndex = 7\n  GCInterval = "10m"\n`)
    expect(values).toEqual({ maxConcurrentIndex: 7, gcIntervalMs: 600_000 })
    expect(ignored).toEqual(['ConfigVersion', ...sections.map((name) => name.split('.')[0])])
    expect(lines.get('gcIntervalMs')).toBe(sections.length * 2 + 5)
  })

  it.each([
    { why: 'a mistyped key', text: '[DAGStore]\n\nGCIntervall = "1m"', says: 'x.toml:3: [DAGStore] has no key GCIntervall; did you mean GCInterval?' },
    { why: 'a key of another section', text: '[DAGStore]\nListen = "x:1"', says: 'x.toml:2: [DAGStore] has no key Listen; did you mean Listen of [Daemon]?' },
    { why: 'a key unlike any', text: '[Doctor]\nWhatever = 1', says: 'x.toml:2: [Doctor] has no key Whatever; its keys are Doctor, DoctorBytesPerSecond, DoctorRowsPerSecond, DoctorRepairsPerHour' },
    { why: 'a mistyped section', text: '[DAGstor]\nx = 1', says: 'x.toml:1: [DAGstor] is no section; did you mean [DAGStore]?' },
    { why: 'a key outside of sections', text: 'Listn = "x:1"', says: 'x.toml:1: Listn stands in no section; did you mean Listen of [Daemon]?' },
    { why: 'a section that is a value', text: 'Daemon = 5', says: 'x.toml:1: Daemon is a section: write [Daemon] on a line of its own' },
    { why: 'a float for a whole number', text: '[DAGStore]\nMaxConcurrentIndex = 5.0', says: 'x.toml:2: MaxConcurrentIndex: want a whole number from 0, got 5' },
    { why: 'a negative number', text: '[DAGStore]\nMaxConcurrentIndex = -1', says: 'x.toml:2: MaxConcurrentIndex: want a whole number from 0, got -1' },
    { why: 'a text for a number', text: '[DAGStore]\nMaxConcurrentIndex = "5"', says: 'x.toml:2: MaxConcurrentIndex: want a whole number from 0, got "5"' },
    { why: 'a number for a duration', text: '[DAGStore]\nGCInterval = 60', says: 'x.toml:2: GCInterval: want a duration such as "30s", "1m" or "1h30m", got 60' },
    { why: 'another word', text: '[Daemon]\nLogFormat = "xml"', says: 'x.toml:2: LogFormat: want text or json, got "xml"' },
    { why: 'a list of other things', text: '[Pieces]\nStorage = ["/mnt/a", 5]', says: 'x.toml:2: Storage: want a list of paths, got ["/mnt/a",5]' },
    { why: 'a key in an inline table', text: '\nDoctor = { Doktor = true }', says: 'x.toml:2: [Doctor] has no key Doktor; did you mean Doctor?' },
    { why: 'a dotted key', text: '\nDaemon.Listen = "nowhere"', says: 'x.toml:2: Listen: want HOST:PORT such as 127.0.0.1:2350, got "nowhere"' },
    { why: 'no TOML', text: '[DAGStore]\nGCInterval = 1m', says: 'x.toml:2:' },
    { why: 'a key twice', text: '[Daemon]\nLogFormat = "text"\nLogFormat = "json"', says: 'x.toml:3:' },
  ])('is refused with its line: $why', ({ text, says }) => {
    const error = refusal(() => read(text))
    expect(error.code).toBe('COMMAND_USAGE')
    expect(error.message.startsWith(says), error.message).toBe(true)
  })

  it('tells all that is wrong, and no secret', () => {
    const { message } = refusal(() => read('[Pieces]\nLotusApiInfo = "a.secret.b:nowhere"\nStorage = 1\n'))
    expect(message).toContain('x.toml:2: LotusApiInfo: want')
    expect(message).toContain('x.toml:3: Storage: want')
    expect(message).not.toContain('secret')
  })

  it('takes paths from its own folder, and from home', () => {
    expect(read('[DAGStore]\nRootDir = "store"\n[Pieces]\nStorage = ["~/a", "/mnt/b", "c"]').values).toEqual({ rootDir: '/etc/dagstore/store', storage: ['/home/me/a', '/mnt/b', '/etc/dagstore/c'] })
  })

  it('never fails but by a refusal, whatever is in it', () => {
    const word = fc.constantFrom('[DAGStore]', '[Daemon]', '\n', 'Listen', ' = ', '"x"', '1', '"""', "'", '[', ']', '{', '}', 'RootDir', '.', '#', 'true', '\u0000', '__proto__', '[constructor]', 'toString = 1\n')
    fc.assert(fc.property(fc.array(word, { maxLength: 30 }), (words) => {
      try {
        read(words.join(''))
      } catch (error) {
        expect((error as CommandError).code).toBe('COMMAND_USAGE')
      }
    }), { numRuns: 2000 })
  })

  it('is not misled by texts over several lines that look like keys', () => {
    const places = tomlPlaces('a = """\n[b]\nc = 1\n"""\n[ "d" . e ]\nf.g = 1\n')
    expect([...places]).toEqual([['a', 1], ['d.e', 5], ['d.e.f.g', 6]])
  })
})

describe('the value that holds', () => {
  it('is that of an option, else of the environment, else of the file, else the default', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, '.dagstore'))
    await writeFile(join(cwd, '.dagstore', 'config.toml'), '[DAGStore]\nMaxConcurrentIndex = 2\nGCInterval = "2m"\nMaxConcurrentUnseals = 2\nMaxConcurrentReadyFetches = 2\n')
    const env = { DAGSTORE_MAXCONCURRENTINDEX: '3', DAGSTORE_GCINTERVAL: '3m', LOTUS_DAGSTORE_COPY_CONCURRENCY: '3', LOTUS_DAGSTORE_MOUNT_CONCURRENCY: '4', DAGSTORE_MAXCONCURRENCYSTORAGECALLS: '5', DAGSTORE_SERVICE_HOST: 'x', DAGSTORE_LISTEN: '' }
    const found = effectiveConfig({ values: { maxConcurrentIndex: 4 } }, terminalIn(cwd, env))
    const { config } = found
    expect([config.maxConcurrentIndex, config.gcIntervalMs, config.maxConcurrentReadyFetches, config.maxConcurrentUnseals, config.maxConcurrencyStorageCalls, config.retryAttempts]).toEqual([4, 180_000, 3, 2, 5, 5])
    expect(effectiveText(found).split('\n').slice(0, 7).map((line) => line.replace(/ +/g, ' '))).toEqual([
      '[DAGStore]',
      `RootDir = ${JSON.stringify(join(cwd, '.dagstore'))} # default`,
      'MaxConcurrentIndex = 4 # --concurrency',
      'MaxConcurrentReadyFetches = 3 # LOTUS_DAGSTORE_COPY_CONCURRENCY',
      'MaxConcurrentUnseals = 2 # .dagstore/config.toml:4',
      'MaxConcurrencyStorageCalls = 5 # DAGSTORE_MAXCONCURRENCYSTORAGECALLS',
      'GCInterval = "3m" # DAGSTORE_GCINTERVAL',
    ])
    expect(parse(effectiveText(found))).toMatchObject({ Daemon: { Listen: '127.0.0.1:2350' } })
  })

  it.each([
    { why: 'a bad value', env: { LOTUS_DAGSTORE_COPY_CONCURRENCY: 'many' }, says: 'LOTUS_DAGSTORE_COPY_CONCURRENCY: want a whole number from 0, got "many"' },
    { why: 'a mistyped key', env: { DAGSTORE_LISTN: '127.0.0.1:1' }, says: 'DAGSTORE_LISTN is no key; did you mean DAGSTORE_LISTEN?' },
    { why: 'a mistyped path', env: { DAGSTORE_PTAH: '/x' }, says: 'DAGSTORE_PTAH is no key; did you mean DAGSTORE_PATH?' },
    { why: 'a bad secret', env: { DAGSTORE_LOTUSAPIINFO: 'secret' }, says: 'DAGSTORE_LOTUSAPIINFO: want TOKEN:MULTIADDR or TOKEN:URL' },
  ])('is refused in the environment: $why', ({ env, says }) => {
    expect(refusal(() => effectiveConfig({}, terminalIn('/nowhere', env)))).toMatchObject({ code: 'COMMAND_USAGE', message: says })
  })

  it('of the root is the option, else DAGSTORE_PATH, else what a file names that was given', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'lotus.toml'), '[DAGStore]\nRootDir = "there"\n')
    const rootOf = (options: Parameters<typeof effectiveConfig>[0], env?: Record<string, string>): string => effectiveConfig(options, terminalIn(cwd, env)).root.path
    expect(rootOf({})).toBe(join(cwd, '.dagstore'))
    expect(rootOf({ config: 'lotus.toml' })).toBe(join(cwd, 'there'))
    expect(rootOf({ config: 'lotus.toml' }, { DAGSTORE_ROOTDIR: 'variable' })).toBe(join(cwd, 'variable'))
    expect(rootOf({ config: 'lotus.toml' }, { DAGSTORE_PATH: 'path' })).toBe(join(cwd, 'path'))
    expect(rootOf({ config: 'lotus.toml', root: 'option' }, { DAGSTORE_PATH: 'path' })).toBe(join(cwd, 'option'))
  })

  it('of the root is not another one in a file that is in a store', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, '.dagstore'))
    const file = join(cwd, '.dagstore', 'config.toml')
    await writeFile(file, '[DAGStore]\nRootDir = "."\n')
    expect(effectiveConfig({}, terminalIn(cwd)).root.path).toBe(join(cwd, '.dagstore'))
    await writeFile(file, '[DAGStore]\nRootDir = "elsewhere"\n')
    expect(refusal(() => effectiveConfig({}, terminalIn(cwd))).message).toContain('.dagstore/config.toml:2: RootDir')
  })

  it('says when the file is not there', () => {
    expect(refusal(() => effectiveConfig({ config: 'none.toml' }, terminalIn('/nowhere')))).toMatchObject({ code: 'COMMAND_REFUSED' })
  })
})
