/** Options whose value (or the part after `=`) may hold a secret. */
const SECRET_OPTIONS = new Set([
  '--set',
  '--set-string',
  '--set-json',
  '--set-literal',
  '--password',
  '--token',
  '--kube-token',
  '--build-arg',
  '--secret',
])
/** `--set` paths that k8sflow itself passes and that hold no secret. */
const PUBLIC_SETTING =
  /^((namespaces|firstApp|secondApp)\.create=(true|false)|(firstApp|secondApp)\.image\.(digest|tag|repository)=\S*)$/
const USERINFO = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi
const MASK = '***'

/**
 * Replaces what may be secret in an argument list: values of options such as `--set` and `--password`, and user
 * names and passwords inside URLs.
 */
export function redact(args: readonly string[]): string[] {
  let previous = ''
  return args.map((arg) => {
    const equals = arg.indexOf('=')
    const option = equals > 0 ? arg.slice(0, equals) : ''
    const secretValue = SECRET_OPTIONS.has(previous) && !PUBLIC_SETTING.test(arg)
    previous = arg
    if (secretValue) return maskValue(arg)
    if (SECRET_OPTIONS.has(option) && !PUBLIC_SETTING.test(arg.slice(equals + 1)))
      return `${option}=${maskValue(arg.slice(equals + 1))}`
    return redactText(arg)
  })
}

/** Masks user names and passwords inside the URLs of any text. */
export function redactText(text: string): string {
  return text.replaceAll(USERINFO, `$1${MASK}@`)
}

function maskValue(value: string): string {
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
