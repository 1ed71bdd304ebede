import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { helmBinaries } from './helm-binaries.js'

/** The chart's folder. */
export const CHART = fileURLToPath(new URL('../../helm', import.meta.url))

/** The folder of the fixtures. */
export const FIXTURES = fileURLToPath(new URL('../fixtures', import.meta.url))

/** What a run of helm left behind. */
export interface HelmRun {
  code: number | null
  stdout: string
  stderr: string
}

/** A rendered Kubernetes object, as far as the tests look into it. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels: Record<string, unknown>
    annotations?: Record<string, unknown>
  }
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  spec: any
  /** Of a ConfigMap. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data?: any
}

/** Run helm; `input` goes to its standard input. */
export function helm(program: string, args: string[], input = ''): Promise<HelmRun> {
  return new Promise((resolve, reject) => {
    // No cluster must ever be asked: whatever kubeconfig the environment names is out of reach.
    const child = spawn(program, args, { env: { ...process.env, KUBECONFIG: '/dev/null' } })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
    // helm may refuse its arguments and be gone before it reads.
    child.stdin.on('error', () => undefined).end(input)
  })
}

/** The manifests `helm template` makes of values given as an object or as YAML text, with the newest helm at hand. */
export async function render(values: object | string, ...args: string[]): Promise<Manifest[]> {
  const program = (await helmBinaries()).at(-1)!.path
  const text = typeof values === 'string' ? values : JSON.stringify(values)
  const { code, stdout, stderr } = await helm(
    program,
    ['template', 'release', CHART, '-f', '-', ...args],
    text,
  )
  if (code !== 0) throw new Error(`helm template failed: ${stderr}`)
  return manifests(stdout)
}

/** The objects of a stream of YAML documents, read as Kubernetes does: YAML 1.1, where a bare `no` is a boolean. */
export function manifests(stream: string): Manifest[] {
  return parseAllDocuments(stream, { version: '1.1' })
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0]!
      return document.toJS() as Manifest | null
    })
    .filter((manifest): manifest is Manifest => manifest !== null)
}

/** The objects of a kind. */
export function ofKind(objects: Manifest[], kind: string): Manifest[] {
  return objects.filter((object) => object.kind === kind)
}

/** The only object of a kind, or the only one of that name. */
export function one(objects: Manifest[], kind: string, name?: string): Manifest {
  const matches = ofKind(objects, kind).filter(
    (object) => name === undefined || object.metadata.name === name,
  )
  if (matches.length !== 1) throw new Error(`expected one ${kind} ${name ?? ''}, found ${matches.length}`)
  return matches[0]!
}
