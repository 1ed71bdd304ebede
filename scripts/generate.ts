/*
 * Writes what is made from other files: README's command list and exit codes, docs/exit-codes.md, docs/commands.md
 * and the shell completions. With --check it writes nothing and fails where a file is not as it would be written.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

import manifest from '../oclif.manifest.json' with { type: 'json' }
import packageJson from '../package.json' with { type: 'json' }
import { EXIT_CODE_MEANINGS } from '../src/exit-codes.js'
import { jsonReference } from './json-reference.js'
import { bashCompletion, fishCompletion, zshCompletion, type CompletedCommand } from './completion.js'

interface ManifestCommand {
  summary?: string
  description?: string
  hidden?: boolean
  flags: Record<
    string,
    { char?: string; summary?: string; type: string; hidden?: boolean; allowNo?: boolean }
  >
}

const visible = Object.entries(manifest.commands as Record<string, ManifestCommand>)
  .filter(([, command]) => command.hidden !== true)
  .sort(([a], [b]) => a.localeCompare(b))

const commandList = visible
  .map(
    ([id, command]) =>
      `| \`k8sflow ${id.replaceAll(':', ' ')}\` | ${command.summary ?? command.description ?? ''} |`,
  )
  .join('\n')
const exitCodes = EXIT_CODE_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning} |`).join('\n')

const completed: CompletedCommand[] = visible.map(([id, command]) => ({
  words: id.split(':') as CompletedCommand['words'],
  summary: command.summary ?? '',
  flags: Object.entries(command.flags)
    .filter(([, flag]) => flag.hidden !== true)
    .flatMap(([name, flag]) => [
      { name, char: flag.char, summary: flag.summary ?? '', takesValue: flag.type === 'option' },
      ...(flag.allowNo === true
        ? [{ name: `no-${name}`, char: undefined, summary: flag.summary ?? '', takesValue: false }]
        : []),
    ]),
}))

const topics = Object.fromEntries(
  Object.entries(
    (packageJson.oclif as { topics?: Record<string, { description?: string }> }).topics ?? {},
  ).map(([name, { description = '' }]) => [name, description]),
)

const files = new Map<string, string>([
  [
    'README.md',
    inserted('README.md', {
      commands: `| command | what it does |\n| --- | --- |\n${commandList}`,
      'exit-codes': `| code | meaning |\n| --- | --- |\n${exitCodes}`,
    }),
  ],
  [
    'docs/exit-codes.md',
    `# Exit codes\n\nThe same in every command; made from \`src/exit-codes.ts\`.\n\n| code | meaning |\n| --- | --- |\n${exitCodes}\n`,
  ],
  ['docs/commands.md', commandReference()],
  ['docs/json-output.md', jsonReference()],
  ['completion/k8sflow.bash', bashCompletion(completed, topics)],
  ['completion/_k8sflow', zshCompletion(completed, topics)],
  ['completion/k8sflow.fish', fishCompletion(completed, topics)],
])

const check = process.argv.includes('--check')
const stale = [...files].filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text)
if (!check)
  for (const [path, text] of stale) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
for (const [path] of stale)
  console.log(check ? `${path} is out of date: run npm run generate` : `wrote ${path}`)
if (check && stale.length > 0) process.exitCode = 1

/** The file's text with what stands between `<!-- name -->` and `<!-- name end -->` replaced. */
function inserted(path: string, parts: Record<string, string>): string {
  let text = readFileSync(path, 'utf8')
  for (const [name, part] of Object.entries(parts)) {
    const pattern = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- ${name} end -->)`)
    if (!pattern.test(text)) throw new Error(`${path} has no place for ${name}`)
    text = text.replace(pattern, (_match, before: string, after: string) => `${before}${part}\n${after}`)
  }
  return text
}

/** The reference of every command, as oclif writes it. */
function commandReference(): string {
  const path = 'docs/.commands.md'
  writeFileSync(path, '# Commands\n\n<!-- commands -->\n<!-- commandsstop -->\n')
  try {
    execFileSync(
      process.execPath,
      ['node_modules/oclif/bin/run.js', 'readme', '--readme-path', path, '--no-source-links'],
      {
        env: { ...process.env, OCLIF_SKIP_NEW_VERSION_CHECK: 'true' },
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    return readFileSync(path, 'utf8').trimEnd() + '\n'
  } finally {
    rmSync(path)
  }
}
