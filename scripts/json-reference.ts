import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import ts from 'typescript'

/** The type of what each command prints with --json. */
const RESULTS: Record<string, string> = {
  values: 'WrittenValues',
  validate: 'Validation',
  render: 'RenderResult',
  build: 'BuildResult',
  scan: 'ScanResult',
  'deploy, install, upgrade': 'DeployResult',
  status: 'StatusResult',
  history: 'HistoryResult',
  rollback: 'RollbackResult',
  uninstall: 'UninstallResult',
  'tls issuers': 'TlsIssuersResult',
  'tls ca': 'AuthoritiesResult',
  'tls status': 'TlsStatusResult',
  'tls self-signed': 'SelfSignedResult',
  hosts: 'HostsResult',
  'monitoring install': 'MonitoringInstallResult',
  'monitoring open': 'OpenGrafana',
  loadtest: 'LoadtestResult',
  'expose check': 'ExposeCheckResult',
  gitops: 'GitopsResult',
  'gitops status': 'GitopsStatusResult',
  'gitops open': 'GitopsOpenResult',
  'vpn init': 'VpnInitResult',
  'vpn add': 'VpnAddResult',
  'vpn revoke': 'VpnRevokeResult',
  'vpn list': 'VpnListResult',
  'vpn renew': 'VpnRenewResult',
}

const INTRODUCTION = `# JSON output

With \`--json\` a command prints one object on stdout and nothing else there; progress stays on stderr. The objects are stable: keys
may be added, none changes its meaning or goes away within a major version. Times are ISO 8601 in UTC.

A command that fails before it did anything prints

\`\`\`ts
{
  error: {
    /** Stable name, such as \`INVALID_INPUT\`. */
    code: string
    message: string
    /** The exit code, see exit-codes.md. */
    exit: number
    /** What to do next. */
    suggestions: string[]
    /** Further facts, where there are any. */
    data?: object
  }
}
\`\`\`

The types below are the source's own.
`

/** docs/json-output.md: for each command the declarations of its result and of everything that names. */
export function jsonReference(): string {
  const declarations = declarationsOf(globSync('src/**/*.ts'))
  const shown = new Set<string>()
  const sections = Object.entries(RESULTS).map(([commands, root]) => {
    const names = closure(root, declarations).filter((name) => !shown.has(name))
    for (const name of names) shown.add(name)
    const code = names.map((name) => declarations.get(name)?.[0]?.text).join('\n\n')
    return `## ${commands}\n\n\`\`\`ts\n${code}\n\`\`\`\n`
  })
  return [INTRODUCTION, ...sections].join('\n')
}

interface Declaration {
  file: string
  text: string
  /** Names of other types it mentions. */
  names: string[]
}

function declarationsOf(files: string[]): Map<string, Declaration[]> {
  const found = new Map<string, Declaration[]>()
  for (const file of files.sort()) {
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
    const lists = listsOf(source)
    for (const statement of source.statements)
      if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
        const comments = statement.getFullText().slice(0, statement.getLeadingTriviaWidth()).trim()
        const text = `${comments === '' ? '' : `${comments.split('\n\n').at(-1)}\n`}${statement.getText()}`
          .replaceAll('export ', '')
          .replaceAll(/\(typeof (\w+)\)\[number\]/g, (all, list: string) => lists.get(list) ?? all)
        const { text: name } = statement.name
        found.set(name, [...(found.get(name) ?? []), { file, text, names: mentioned(statement) }])
      }
  }
  return found
}

/** The file's constant lists of words, each as the type of one of them. */
function listsOf(source: ts.SourceFile): Map<string, string> {
  const pattern = /^export const (\w+) = \[([^\]]+)\] as const$/gm
  return new Map(
    [...source.text.matchAll(pattern)].map(([, name = '', words = '']) => [
      name,
      words
        .split(',')
        .map((word) => word.trim())
        .filter(Boolean)
        .join(' | '),
    ]),
  )
}

function mentioned(node: ts.Node): string[] {
  const names: string[] = []
  const visit = (child: ts.Node): void => {
    if (ts.isTypeReferenceNode(child)) names.push(child.typeName.getText())
    if (ts.isExpressionWithTypeArguments(child)) names.push(child.expression.getText())
    ts.forEachChild(child, visit)
  }
  visit(node)
  return names
}

/**
 * The type and all it mentions, itself first.
 * @throws Error where two types of that name could be meant
 */
function closure(root: string, declarations: ReadonlyMap<string, Declaration[]>): string[] {
  const seen = new Set<string>()
  const visit = (name: string): void => {
    const [declaration, ...others] = declarations.get(name) ?? []
    if (declaration === undefined || seen.has(name)) return
    if (others.length > 0)
      throw new Error(`${name} is declared in ${[declaration, ...others].map(({ file }) => file).join(', ')}`)
    seen.add(name)
    declaration.names.forEach(visit)
  }
  if (!declarations.has(root)) throw new Error(`there is no type ${root} in src`)
  visit(root)
  return [...seen]
}
