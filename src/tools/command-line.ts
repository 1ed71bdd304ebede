/** Options whose value may be a secret. */
const SECRETS = new Set(['--password', '--token', '--kube-token'])
/** Options whose value is a name, `=`, and what may be a secret. */
const SETTINGS = new Set(['--set', '--set-string', '--set-json', '--set-literal', '--build-arg', '--secret'])
/** `--set` paths that k8sflow itself passes and that hold no secret. */
const PUBLIC_SETTING =
  /^((namespaces|firstApp|secondApp)\.create=(true|false)|(firstApp|secondApp)\.image\.(digest|tag|repository)=\S*)$/
const USERINFO = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#]+@/gi
/** A URL up to its query, and that query. */
const URL_QUERY = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s?#"'<>]*)\?([^\s#"'<>]+)/gi
const MASK = '***'

/**
 * Replaces what may be secret in an argument list: values of options such as `--set` and `--password`, and user
 * names and passwords inside URLs.
 */
export function redact(args: readonly string[]): string[] {
  let previous = ''
  return args.map((arg) => {
    const equals = arg.indexOf('=')
    const option = previous
    previous = arg
    const alone = maskedValue(option, arg)
    if (alone !== undefined) return alone
    const joined = equals > 0 ? maskedValue(arg.slice(0, equals), arg.slice(equals + 1)) : undefined
    return joined === undefined ? redactText(arg) : `${arg.slice(0, equals)}=${joined}`
  })
}

/** Masks user names, passwords and the values of queries inside the URLs of any text. */
export function redactText(text: string): string {
  return text
    .replaceAll(USERINFO, `$1${MASK}@`)
    .replaceAll(
      URL_QUERY,
      (_url, start: string, query: string) => `${start}?${query.replaceAll(/=[^&]+/g, `=${MASK}`)}`,
    )
}

/** What to show of an option's value; undefined when that option holds no secret. */
function maskedValue(option: string, value: string): string | undefined {
  if (SECRETS.has(option)) return MASK
  if (!SETTINGS.has(option)) return undefined
  if (PUBLIC_SETTING.test(value)) return redactText(value)
  const equals = value.indexOf('=')
  return equals > 0 ? `${value.slice(0, equals)}=${MASK}` : MASK
}

/** Quotes one word for a POSIX shell; words that need no quotes stay as they are. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** A program and its arguments as one line that can be pasted into a POSIX shell, secrets masked. */
export function commandLine(program: string, args: readonly string[]): string {
  return [program, ...redact(args)].map((word) => shellQuote(word)).join(' ')
}
