import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'

import { ROOT } from '../harness.js'

/** A `k8sflow …` that a page shows. */
export interface DocumentedCommand {
  /** `docs/network.md:26` */
  place: string
  /** The words after `k8sflow`, quotes taken off. */
  words: string[]
}

/** Made from the commands themselves. */
const GENERATED = ['docs/commands.md', 'docs/json-output.md', 'docs/exit-codes.md']

/** Every command in the fenced blocks of the pages: in `sh` blocks each line, elsewhere those after `$` or `run:`. */
export function documentedCommands(): DocumentedCommand[] {
  const pages = globSync(['*.md', 'docs/*.md', 'samples/*/README.md', 'helm/README.md'], {
    cwd: ROOT,
    ignore: [...GENERATED, 'CHANGELOG.md'],
  })
  return pages.sort().flatMap((page) => commandsIn(page, readFileSync(`${ROOT}/${page}`, 'utf8')))
}

/** The commands of one page. */
export function commandsIn(page: string, text: string): DocumentedCommand[] {
  const found: DocumentedCommand[] = []
  let block: string | undefined
  let start = ''
  text.split('\n').forEach((line, index) => {
    const fence = /^\s*(?:```|~~~)\s*(\w*)/.exec(line)
    if (fence) {
      block = block === undefined ? (fence[1] ?? '') : undefined
      return
    }
    if (block === undefined) return
    const shown = start + line
    start = shown.endsWith('\\') ? `${shown.slice(0, -1)} ` : ''
    if (start !== '') return
    const command = commandLineIn(block, shown)
    if (command === undefined) return
    const place = `${page}:${String(index + 1)}`
    found.push(...invocations(command).map((words) => ({ place, words })))
  })
  return found
}

function commandLineIn(block: string, line: string): string | undefined {
  const [, typed] = /^\s*(?:\$|(?:- )?run:)\s+(.*)$/.exec(line) ?? []
  if (typed !== undefined) return typed
  return ['sh', 'bash', 'shell'].includes(block) ||
    line.startsWith('k8sflow ') ||
    /&& (?:npx )?k8sflow /.test(line)
    ? line
    : undefined
}

/** The words behind each `k8sflow` of a shell line, up to what ends the command. */
function invocations(line: string): string[][] {
  const found: string[][] = []
  let current: string[] | undefined
  for (const { word, quoted } of shellWords(line)) {
    if (!quoted && /^(?:&&|\|\|?|;|[12]?>>?.*|<.*|&)$/.test(word)) current = undefined
    else if (current) current.push(word)
    else if (/^\(?(?:.*\/)?k8sflow$/.test(word)) found.push((current = []))
  }
  return found
}

/** Words of a line as a shell splits it: quotes, comments; nothing is substituted. */
function shellWords(line: string): { word: string; quoted: boolean }[] {
  const words: { word: string; quoted: boolean }[] = []
  const pattern = /\s*(?:(#.*)|((?:[^\s"'\\;|&]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+|&&|\|\|?|;|&))/gy
  for (let match = pattern.exec(line); match; match = pattern.exec(line)) {
    const [, comment, word] = match
    if (comment !== undefined) break
    if (word === undefined) continue
    words.push({
      word: word.replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, '$1$2$3'),
      quoted: /^["']/.test(word),
    })
  }
  return words
}
