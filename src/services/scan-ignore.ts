import { existsSync } from 'node:fs'

import { InvalidInputError } from '../errors.js'
import { readText } from '../tools/text-file.js'

/** One line of an ignore file: a finding somebody accepted. */
export interface IgnoreRule {
  /** `CVE-2026-1234`, or of a secret trivy's rule. */
  id: string
  /** Its line in the file, from 1; 0 in a YAML file. */
  line: number
  /** Why; empty when the file does not say. */
  reason: string
  /** `2026-12-31`: trivy reports the finding again from that day on. */
  expires?: string
  /** That day has come. */
  expired: boolean
}

export interface IgnoreFile {
  path: string
  rules: IgnoreRule[]
  /** Lines that trivy passes over. */
  problems: string[]
}

/** In the order they are looked for; trivy itself finds only the first. */
const NAMES = ['.trivyignore', '.trivyignore.yaml', '.trivyignore.yml']

/**
 * Reads the ignore file that was named, else the one in the current folder, as trivy does (pkg/result/ignore.go).
 * @returns undefined when none was named and there is none
 * @throws InvalidInputError when it cannot be read
 */
export async function readIgnoreFile(named: string | undefined, now: Date): Promise<IgnoreFile | undefined> {
  const found = NAMES.filter((name) => existsSync(name))
  const path = named ?? found[0]
  if (path === undefined) return undefined
  const read = await readText(path)
  if ('problem' in read || path === '-')
    throw new InvalidInputError(
      `The ignore file ${path} cannot be used: ${'problem' in read ? read.problem : 'it must be a file'}.`,
      {
        code: 'IGNORE_FILE_UNUSABLE',
        suggestions: ['Name one that exists with --ignore-file, or leave it out.'],
        data: { path },
      },
    )
  const file = /\.ya?ml$/.test(path) ? await yamlRules(path, read.text, now) : plainRules(read.text, now)
  if (named === undefined && found.length > 1)
    file.problems.push(`${found.slice(1).join(' and ')} is not read, since ${path} is there too`)
  return { path, ...file }
}

/** What a person should know of the file: rules without a reason, rules that have expired, lines without effect. */
export function ignoreWarnings({ path, rules, problems }: IgnoreFile): string[] {
  const place = ({ line }: IgnoreRule) => (line === 0 ? path : `${path}:${String(line)}`)
  return [
    ...problems.map((problem) => `${path}: ${problem}.`),
    ...rules
      .filter(({ expired }) => expired)
      .map(
        (rule) =>
          `${place(rule)}: ${rule.id} is not ignored any more: the rule expired on ${rule.expires ?? ''}.`,
      ),
    ...rules
      .filter(({ reason, expired }) => reason === '' && !expired)
      .map((rule) => `${place(rule)}: ${rule.id} is ignored without a reason; ${HOW_TO_SAY_WHY(rule)}.`),
  ]
}

const HOW_TO_SAY_WHY = ({ line }: IgnoreRule) =>
  line === 0 ? 'say why in its "statement"' : 'say why in a comment (#) above it'

/** A comment is the reason of all rules below it, up to an empty line or the next comment; or it ends a rule's line. */
function plainRules(text: string, now: Date): Omit<IgnoreFile, 'path'> {
  const rules: IgnoreRule[] = []
  const problems: string[] = []
  let comment: string[] = []
  let afterRule = false
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line.startsWith('#')) {
      comment = [...(afterRule ? [] : comment), line.replace(/^#+\s*/, '')].filter(Boolean)
      afterRule = false
      continue
    }
    if (line === '') comment = []
    else {
      const [id = '', ...fields] = line.split(/\s+/)
      const expires = fields.find((field) => field.startsWith('exp:'))?.slice('exp:'.length)
      const trailing = /\s#+\s*(.+)$/.exec(line)?.[1] ?? ''
      if (expires !== undefined && !isDay(expires))
        problems.push(
          `line ${String(index + 1)} is passed over: "${expires}" is not a day such as 2026-12-31`,
        )
      else rules.push({ id, line: index + 1, reason: trailing || comment.join(' '), ...expiry(expires, now) })
    }
    afterRule = line !== ''
  }
  return { rules, problems }
}

async function yamlRules(path: string, text: string, now: Date): Promise<Omit<IgnoreFile, 'path'>> {
  const { readHelmYaml } = await import('../values/helm-yaml.js')
  const { value = {}, errors } = readHelmYaml(text)
  const [error] = errors
  if (error !== undefined)
    throw new InvalidInputError(`The ignore file ${path} cannot be used: ${error.message}.`, {
      code: 'IGNORE_FILE_UNUSABLE',
      suggestions: [
        'It holds lists named vulnerabilities and secrets, of entries with an id and a statement.',
      ],
      data: { path },
    })
  const entries = ['vulnerabilities', 'secrets'].flatMap((key) => {
    const list = value[key]
    return Array.isArray(list)
      ? list.map((entry, index) => ({ entry, place: `${key}[${String(index)}]` }))
      : []
  })
  const problems: string[] = []
  const rules = entries.flatMap(({ entry, place }): IgnoreRule[] => {
    const isMapping = typeof entry === 'object' && entry !== null && !Array.isArray(entry)
    const { id, statement, expired_at: expires } = isMapping ? entry : {}
    if (typeof id !== 'string') {
      problems.push(`${place} is passed over: it has no id`)
      return []
    }
    const reason = typeof statement === 'string' ? statement.trim() : ''
    return [{ id, line: 0, reason, ...expiry(typeof expires === 'string' ? expires : undefined, now) }]
  })
  return { rules, problems }
}

/** A rule ends when its day begins, in UTC. */
function expiry(expires: string | undefined, now: Date): Pick<IgnoreRule, 'expires' | 'expired'> {
  if (expires === undefined) return { expired: false }
  return { expires, expired: new Date(expires).getTime() < now.getTime() }
}

function isDay(text: string): boolean {
  const date = new Date(text)
  return (
    /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
  )
}
