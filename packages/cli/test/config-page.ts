/** The page of all keys of the configuration, made from their table. */
import type { ConfigKey, SectionName } from '../src/config/config-key.ts'
import { FIELDS, KEYS, SECTIONS } from '../src/config/keys.ts'
import { sayings } from '../src/config/show.ts'

const SECTION_NAMES = Object.keys(SECTIONS) as SectionName[]

export const configPage = (): string => `# Configuration of the daemon

\`dagstore daemon\` reads \`config.toml\` in the folder of the store, or the file given by \`--config\`. \`dagstore config default > config.toml\`
makes one to begin with; \`dagstore config effective\` prints the value of every key and where it comes from. This page is made from the
same table as these two; \`npm test -- --project cli -u\` writes it anew.

- An option comes before a variable of the environment, that before the file, that before the default. Empty variables say nothing.
- The \`config.toml\` of a Lotus miner or of Boost can be given by \`--config\`: \`[DAGStore]\` has Lotus's keys and defaults, and sections of
  other programs are passed over (the log and \`config effective\` name them).
- Unknown keys in these sections, sections that are nearly called like one of these, and bad values are refused with file and line
  (exit 2), as are variables that are nearly called like one of these.
- Durations are those of Go (\`"30s"\`, \`"1m"\`, \`"1h30m"\`), sizes numbers or \`"64MiB"\`, lists in the environment have commas between.
- Relative paths in a file start from its folder, others from the working folder; \`~/\` is the home folder.
- The file is read at start. Levels of the log can be set while the daemon runs (\`Filecoin.LogSetLevel\`).
${SECTION_NAMES.map((section) => `
## [${section}]

${SECTIONS[section]}

| key | default | |
| --- | --- | --- |
${FIELDS.filter((field) => KEYS[field].section === section).map((field) => {
  const key: ConfigKey<any> = KEYS[field]
  return `| \`${key.name}\` | \`${key.kind.show(key.default)}\` | ${cell(key.help)} Also ${sayings(key).map((name) => `\`${name}\``).join(', ')}. |\n`
}).join('')}`).join('')}`

const cell = (text: string): string => text.replaceAll('|', '\\|')
