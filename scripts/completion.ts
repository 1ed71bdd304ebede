/** A command as completion sees it. */
export interface CompletedCommand {
  id: string
  summary: string
  flags: { name: string; char: string | undefined; summary: string; takesValue: boolean }[]
}

/** What to offer after a flag, where its values are known beforehand. */
const VALUES: Record<string, string> = {
  project: 'app1 app2',
  environment: 'production staging',
}
/** Flags that take a file, completed by the shell itself. */
const FILE_FLAGS = new Set(['file', 'output', 'kubeconfig', 'chart'])

const HEADER = '# Made by scripts/generate.ts; do not edit.'

/** The completion script of bash; `source` it from ~/.bashrc. */
export function bashCompletion(commands: CompletedCommand[]): string {
  const flags = commands.map(
    ({ id, flags }) => `    ${id}) words="${flags.map(({ name }) => `--${name}`).join(' ')}" ;;`,
  )
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
    words="${commands.map(({ id }) => id).join(' ')}"
  else
    case "\${COMP_WORDS[1]}" in
${flags.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _k8sflow k8sflow
`
}

/** The completion function of zsh; put it into a folder of $fpath. */
export function zshCompletion(commands: CompletedCommand[]): string {
  const list = commands.map(({ id, summary }) => `    ${quoted(`${id}:${summary}`)}`)
  const flags = commands.map(({ id, flags }) => {
    const specs = flags.map(({ name, summary, takesValue }) => {
      const value = takesValue
        ? `:${name}:${FILE_FLAGS.has(name) ? '_files' : `(${VALUES[name] ?? ''})`}`
        : ''
      return quoted(`*--${name}[${summary.replaceAll(/[[\]:]/g, '')}]${value}`)
    })
    return `      ${id}) _arguments ${specs.join(' ')} '*:file:_files' ;;`
  })
  return `#compdef k8sflow
${HEADER}
_k8sflow() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
  else
    case "$words[2]" in
${flags.join('\n')}
    esac
  fi
}
_k8sflow "$@"
`
}

/** The completion file of fish; put it into ~/.config/fish/completions. */
export function fishCompletion(commands: CompletedCommand[]): string {
  const lines = commands.flatMap(({ id, summary, flags }) => [
    `complete -c k8sflow -f -n __fish_use_subcommand -a ${id} -d ${fishQuoted(summary)}`,
    ...flags.map(({ name, char, summary, takesValue }) => {
      const value = FILE_FLAGS.has(name)
        ? ' -r -F'
        : takesValue
          ? ` -x -a ${fishQuoted(VALUES[name] ?? '')}`
          : ''
      const short = char === undefined ? '' : ` -s ${char}`
      return `complete -c k8sflow -n '__fish_seen_subcommand_from ${id}' -l ${name}${short}${value} -d ${fishQuoted(summary)}`
    }),
  ])
  return `${HEADER}\n${lines.join('\n')}\n`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** fish escapes inside single quotes with a backslash. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`
}
