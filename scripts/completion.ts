import { PATH_FLAGS } from '../src/project-file.js'

/** A command as completion sees it. */
export interface CompletedCommand {
  /** Its words, as typed: one, or a topic and another. */
  words: [string] | [string, string]
  summary: string
  flags: { name: string; char: string | undefined; summary: string; takesValue: boolean }[]
}

/** What to offer after a flag, where its values are known beforehand. */
const VALUES: Record<string, string> = {
  project: 'app1 app2',
  environment: 'production staging',
}
const HEADER = '# Made by scripts/generate.ts; do not edit.'

/** A first word: a command, a topic, or both. */
interface FirstWord {
  word: string
  summary: string
  /** The command of this one word. */
  own: CompletedCommand | undefined
  /** The commands of two words. */
  inner: CompletedCommand[]
}

function firstWords(commands: CompletedCommand[], topics: Readonly<Record<string, string>>): FirstWord[] {
  return [...new Set(commands.map(({ words: [word] }) => word))].map((word) => {
    const own = commands.find(({ words }) => words[0] === word && words.length === 1)
    const inner = commands.filter(({ words }) => words[0] === word && words.length === 2)
    return { word, summary: topics[word] ?? own?.summary ?? inner[0]?.summary ?? '', own, inner }
  })
}

const secondWord = ({ words }: CompletedCommand) => words[1] ?? ''

/** The completion script of bash; `source` it from ~/.bashrc. */
export function bashCompletion(
  commands: CompletedCommand[],
  topics: Readonly<Record<string, string>>,
): string {
  const firsts = firstWords(commands, topics)
  const flagsOf = (command: CompletedCommand | undefined) =>
    (command?.flags ?? []).map(({ name }) => `--${name}`)
  const cases = firsts.flatMap(({ word, own, inner }) => [
    ...inner.map((command) => `    "${command.words.join(' ')}") words="${flagsOf(command).join(' ')}" ;;`),
    `    "${word} "*) words="${[...inner.map(secondWord), ...flagsOf(own)].join(' ')}" ;;`,
  ])
  const values = Object.entries(VALUES).flatMap(([name, words]) => {
    const char = commands.flatMap(({ flags }) => flags).find((flag) => flag.name === name)?.char
    return [
      `    --${name}${char === undefined ? '' : ` | -${char}`}) COMPREPLY=($(compgen -W "${words}" -- "$current")); return ;;`,
    ]
  })
  return `${HEADER}
_k8sflow() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} words
  case "$previous" in
${values.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${firsts.map(({ word }) => word).join(' ')}"
  else
    case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _k8sflow k8sflow
`
}

/** The completion function of zsh; put it into a folder of $fpath. */
export function zshCompletion(
  commands: CompletedCommand[],
  topics: Readonly<Record<string, string>>,
): string {
  const firsts = firstWords(commands, topics)
  const argumentsOf = ({ flags }: CompletedCommand) => {
    const specs = flags.map(({ name, summary, takesValue }) => {
      const value = takesValue
        ? `:${name}:${PATH_FLAGS.has(name) ? '_files' : `(${VALUES[name] ?? ''})`}`
        : ''
      return quoted(`*--${name}[${summary.replaceAll(/[[\]:]/g, '')}]${value}`)
    })
    return `_arguments ${specs.join(' ')} '*:file:_files'`
  }
  const cases = firsts.flatMap(({ word, own, inner }) => [
    ...inner.map((command) => `      ${quoted(command.words.join(' '))}) ${argumentsOf(command)} ;;`),
    ...(inner.length === 0
      ? []
      : [
          `      ${quoted(`${word} `)}*) (( CURRENT == 3 )) && _values command ${inner.map((command) => quoted(`${secondWord(command)}[${command.summary.replaceAll(/[[\]:]/g, '')}]`)).join(' ')} ;|`,
        ]),
    ...(own === undefined ? [] : [`      ${quoted(`${word} `)}*) ${argumentsOf(own)} ;;`]),
  ])
  return `#compdef k8sflow
${HEADER}
_k8sflow() {
  local -a commands
  commands=(
${firsts.map(({ word, summary }) => `    ${quoted(`${word}:${summary}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
  else
    case "$words[2] $words[3]" in
${cases.join('\n')}
    esac
  fi
}
_k8sflow "$@"
`
}

/** The completion file of fish; put it into ~/.config/fish/completions. */
export function fishCompletion(
  commands: CompletedCommand[],
  topics: Readonly<Record<string, string>>,
): string {
  const firsts = firstWords(commands, topics)
  const seen = (...words: string[]) => `__fish_seen_subcommand_from ${words.join(' ')}`
  const flagLines = (condition: string, { flags }: CompletedCommand) =>
    flags.map(({ name, char, summary, takesValue }) => {
      // The shell itself completes files; `hosts --write` names none.
      const offered = PATH_FLAGS.has(name) ? ' -r -F' : ` -x -a ${fishQuoted(VALUES[name] ?? '')}`
      const value = takesValue ? offered : ''
      const short = char === undefined ? '' : ` -s ${char}`
      return `complete -c k8sflow -n '${condition}' -l ${name}${short}${value} -d ${fishQuoted(summary)}`
    })
  const lines = firsts.flatMap(({ word, summary, own, inner }) => {
    // `k8sflow gitops status` is not `k8sflow status`, nor `k8sflow gitops`.
    const topicsWithIt = firsts.filter((other) => other.inner.some((command) => secondWord(command) === word))
    const others = [...inner.map(secondWord), ...topicsWithIt.map((other) => other.word)]
    const alone = others.length === 0 ? seen(word) : `${seen(word)}; and not ${seen(...others)}`
    return [
      `complete -c k8sflow -f -n __fish_use_subcommand -a ${word} -d ${fishQuoted(summary)}`,
      ...inner.flatMap((command) => [
        `complete -c k8sflow -f -n '${alone}' -a ${secondWord(command)} -d ${fishQuoted(command.summary)}`,
        ...flagLines(`${seen(word)}; and ${seen(secondWord(command))}`, command),
      ]),
      ...(own === undefined ? [] : flagLines(alone, own)),
    ]
  })
  return `${HEADER}\n${lines.join('\n')}\n`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** fish escapes inside single quotes with a backslash. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`
}
