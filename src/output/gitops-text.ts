import { dirname } from 'node:path'

import type { GitopsOpenResult } from '../services/gitops-open.js'
import type { GitopsStatusResult } from '../services/gitops-status.js'
import type { GitopsResult } from '../services/gitops.js'
import { shellQuote } from '../tools/command-line.js'
import { age } from './age.js'
import { styles } from './styles.js'
import { table } from './table.js'

/** What became of each file; or the manifests themselves where none was written, as one YAML stream. */
export function gitopsText({ files, repo, revision }: GitopsResult): string {
  const documents = files.flatMap(({ content }) => content ?? [])
  if (documents.length > 0)
    return documents.map((text) => (text.endsWith('\n') ? text : `${text}\n`)).join('---\n')
  const width = Math.max(...files.map(({ path }) => path.length))
  const lines = files.map(
    ({ path, kind, name, change }) => `${path.padEnd(width)}  ${change}: ${kind} ${name}\n`,
  )
  const isNew = files.some(({ change }) => change !== 'unchanged')
  const folder = shellQuote(dirname(files[0]?.path ?? ''))
  const next = isNew
    ? `Commit and push all of it, then hand the manifests over: kubectl apply -f ${folder}\n`
    : ''
  return `${lines.join('')}Argo CD will follow ${revision} of ${repo}.\n${next}`
}

/** The Applications as a table, and below it what Argo CD complains about. */
export async function gitopsStatusText(
  { applications }: GitopsStatusResult,
  now = Date.now(),
): Promise<string> {
  if (applications.length === 0) return ''
  const style = styles(process.stdout)
  const coloured = (text: string, good: string) => (text === good ? style.green(text) : style.red(text))
  const rows = applications.map(({ name, sync, health, revision, commit, automated, syncedAt }) => [
    name,
    coloured(sync, 'Synced'),
    coloured(health, 'Healthy'),
    commit === null ? revision : `${revision} (${commit.slice(0, 7)})`,
    automated ? 'yes' : style.yellow('no'),
    age(syncedAt, now),
  ])
  const problems = applications.flatMap(({ name, problems: texts }) =>
    texts.map((text) => `${style.red('✗')} ${style.bold(name)} ${text}\n`),
  )
  const text = await table(['APPLICATION', 'SYNC', 'HEALTH', 'REVISION', 'AUTOMATIC', 'LAST SYNC'], rows)
  return `${text}\n${problems.length > 0 ? `\n${problems.join('')}` : ''}`
}

/** Where to go and how to get in. */
export function gitopsOpenText({ url, user, password }: GitopsOpenResult): string {
  const style = styles(process.stdout)
  return [
    `Argo CD   ${style.bold(url)}`,
    ...(password === null ? [] : [`user      ${user}`, `password  ${password}`]),
    style.dim('Ctrl-C ends it.'),
    '',
  ].join('\n')
}
