import { readFile } from 'node:fs/promises'

import { InvalidInputError } from '../errors.js'
import { readText } from '../tools/text-file.js'
import type { CheckedText, Problem } from '../values/check.js'
import type { Span } from '../values/helm-yaml.js'

export interface ValidatedFile {
  /** As it was named; `-` is stdin. */
  path: string
  valid: boolean
  problems: Problem[]
  warnings: Problem[]
}

export interface Validation {
  valid: boolean
  files: ValidatedFile[]
}

export interface ValidateOptions {
  /** Files to check; `-` is stdin. */
  files: readonly string[]
  /** The chart's values.schema.json. */
  schemaFile: string
  /** Given the text of each file that could be read, and where secrets stand in it: code frames need both. */
  onText?: (path: string, text: string, secrets: readonly Span[]) => void
}

/** Checks every values file against the chart's schema as Helm would read it; one bad file does not stop the rest. */
export async function validate({ files, schemaFile, onText }: ValidateOptions): Promise<Validation> {
  const [{ schemaCheck }, { checkText }] = await Promise.all([
    import('../values/schema.js'),
    import('../values/check.js'),
  ])
  const check = schemaCheck(await readSchema(schemaFile))
  const validated: ValidatedFile[] = []
  for (const path of files) {
    const read = await readText(path)
    const { problems, warnings, secrets }: CheckedText =
      'text' in read
        ? await checkText(read.text, check)
        : { problems: [{ path: '', message: read.problem }], warnings: [], secrets: [] }
    if ('text' in read) onText?.(path, read.text, secrets)
    if ('text' in read && read.text.trim() === '')
      warnings.push({ path: '', message: 'the file is empty; the chart then deploys nothing' })
    validated.push({ path, valid: problems.length === 0, problems, warnings })
  }
  return { valid: validated.every((file) => file.valid), files: validated }
}

async function readSchema(path: string): Promise<object> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as object
  } catch (error) {
    throw new InvalidInputError(`The chart has no usable schema: ${path} (${(error as Error).message}).`, {
      code: 'UNUSABLE_SCHEMA',
      suggestions: ['Name a chart that holds a values.schema.json, or unset K8SFLOW_CHART.'],
      cause: error,
    })
  }
}
