import { type Finding, type HelmYaml, readHelmYaml, type Span } from './helm-yaml.js'
import { maskPointer, maySay } from './secret-keys.js'
import type { SchemaCheck, SchemaProblem } from './schema.js'

/** One thing wrong with a values file, at its place. */
export interface Problem {
  /** JSON pointer of the value, such as `/secondApp/countries/0`; empty for the file as a whole. */
  path: string
  /** Both from 1; absent where the file could not be read at all. */
  line?: number
  column?: number
  /** Characters of the line it is about. */
  length?: number
  message: string
  hint?: string
}

export interface CheckedText {
  problems: Problem[]
  /** What Helm accepts silently and is probably not meant. */
  warnings: Problem[]
  /** Where the text holds what may be secret: in order, apart from each other, each on one line. */
  secrets: Span[]
}

/** Checks the text of one values file: that Helm can read it, and that what Helm then sees fits the schema. */
export async function checkText(text: string, check: SchemaCheck): Promise<CheckedText> {
  const yaml = readHelmYaml(text)
  const locate = (finding: Finding): Problem => ({
    path: '',
    ...placeOf(yaml, finding, text),
    message: finding.message,
    ...(finding.hint === undefined ? {} : { hint: finding.hint }),
  })
  const warnings = yaml.warnings.map(locate)
  const { secrets } = yaml
  if (yaml.value === undefined) return { problems: yaml.errors.map(locate), warnings, secrets }
  const misfits = await check(yaml.value)
  const problems = misfits.map((misfit): Problem => {
    const span = spanFor(yaml, misfit)
    const source = text.slice(span.start, span.end)
    const hint = (maySay(misfit.path, source) ? bareWordHint(source) : undefined) ?? misfit.hint
    return {
      path: maskPointer(misfit.path),
      ...placeOf(yaml, span, text),
      message: misfit.message,
      ...(hint === undefined ? {} : { hint }),
    }
  })
  problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
  return { problems, warnings, secrets }
}

/** Where to point: at the key or value itself, else at the nearest thing around it. */
function spanFor(yaml: HelmYaml, { path, atKey }: SchemaProblem): Span {
  const own = atKey ? (yaml.keys.get(path) ?? yaml.values.get(path)) : yaml.values.get(path)
  if (own !== undefined) return shownPart(own, yaml.keys.get(path))
  const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
  return parent === path ? { start: 0, end: 0 } : spanFor(yaml, { path: parent, atKey: true, message: '' })
}

/** An empty value has no place of its own: its key has. */
function shownPart(value: Span, key: Span | undefined): Span {
  return value.end > value.start ? value : (key ?? value)
}

/** Points at one line at most: what spans more is pointed at where it starts. */
function placeOf(yaml: HelmYaml, span: Span, text: string): { line: number; column: number; length: number } {
  const start = Math.min(span.start, text.length)
  const { line, col } = yaml.lines.lineStarts.length === 0 ? { line: 1, col: 1 } : yaml.lines.linePos(start)
  const rest = text.slice(start, Math.max(span.end, start + 1))
  const length = Math.max(1, (rest.split(/\r?\n/, 1)[0] ?? '').trimEnd().length)
  return { line: Math.max(1, line), column: Math.max(1, col), length }
}

/** The one trap worth a sentence of its own: Norway. */
function bareWordHint(source: string): string | undefined {
  if (!/^(no|on|yes|off|y|n)$/i.test(source)) return undefined
  return `YAML reads a bare ${source} as ${/^(no|off|n)$/i.test(source) ? 'false' : 'true'}; write "${source.toLowerCase()}" in quotes.`
}
