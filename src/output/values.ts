import type { WrittenFile, WrittenValues } from '../services/values.js'

/** What `values` did, one line per file; or the content of the files that were not written. */
export function valuesText({ files }: WrittenValues): string {
  const byPath = new Map<string, WrittenFile[]>()
  for (const file of files) byPath.set(file.path, [...(byPath.get(file.path) ?? []), file])
  return [...byPath.entries()]
    .map(([path, held]) => {
      const [{ content, change, environment, countries }] = held as [WrittenFile]
      if (content !== undefined) return content.endsWith('\n') ? content : `${content}\n`
      const apps = held.map(({ app }) => app).join(' and ')
      return `${path} ${change}: ${apps}, ${environment}, ${countries.join(' ')}\n`
    })
    .join('')
}

/** One line per file about what `--dry-run` would do, for stderr. */
export function dryRunText({ files }: WrittenValues): string {
  const verbs = { created: 'create', updated: 'update', unchanged: 'leave unchanged' }
  return [...new Set(files.map(({ path, change }) => `Would ${verbs[change]} ${path}\n`))].join('')
}
