import { expect } from 'chai'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

import { ROOT } from '../commands/harness.js'

interface Step {
  uses?: string
  run?: string
  shell?: string
  with?: Record<string, unknown>
}

interface Job {
  uses?: string
  if?: string
  needs?: string | string[]
  environment?: string
  permissions?: Record<string, string>
  steps?: Step[]
  'timeout-minutes'?: number
}

interface Workflow {
  on: Record<string, { branches?: string[]; paths?: string[]; tags?: string[] } | null>
  permissions: unknown
  concurrency?: { group: string }
  defaults?: { run: { shell: string } }
  jobs: Record<string, Job>
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const workflows = readdirSync(join(ROOT, '.github/workflows')).map((name) => `.github/workflows/${name}`)
const actions = readdirSync(join(ROOT, '.github/actions')).map((name) => `.github/actions/${name}/action.yml`)
const workflow = (file: string) => parse(read(file)) as Workflow
const actionSteps = (file: string) => (parse(read(file)) as { runs: { steps: Step[] } }).runs.steps
const jobs = workflows.flatMap((file) =>
  Object.entries(workflow(file).jobs).map(([id, job]) => ({ name: `${file} ${id}`, job })),
)
const steps = [
  ...jobs.flatMap(({ name, job }) => (job.steps ?? []).map((step) => ({ name, step }))),
  ...actions.flatMap((file) => actionSteps(file).map((step) => ({ name: file, step }))),
]

describe('the workflows', () => {
  it('take every action by its full commit, with its version beside it, and one commit for each action', () => {
    const commits = new Map<string, string>()
    for (const file of [...workflows, ...actions])
      for (const line of read(file).split('\n')) {
        const uses = /^\s*(?:- )?uses: (.*)$/.exec(line)?.[1]
        if (uses === undefined || uses.startsWith('./')) continue
        expect(uses, file).to.match(/^[\w-]+(\/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
        const [action = '', commit = ''] = uses.split('@')
        expect(commits.get(action) ?? commit, action).to.equal(commit)
        commits.set(action, commit)
      }
    expect(commits.size).to.be.greaterThan(5)
  })

  it('start with no permission, and give each job its own', () => {
    for (const file of workflows) expect(workflow(file).permissions, file).to.deep.equal({})
    for (const { name, job } of jobs.filter(({ name }) => !name.endsWith('release.yml notes')))
      expect(job.permissions, name).to.have.property('contents')
  })

  it('let only the named jobs write', () => {
    const writers = jobs
      .filter(({ job }) => Object.values(job.permissions ?? {}).includes('write'))
      .map(({ name, job }) => `${name.replace('.github/workflows/', '')}: ${writes(job).join(' ')}`)
    expect(writers.sort()).to.deep.equal([
      'app1.yml pin: actions contents pull-requests',
      'app2.yml pin: actions contents pull-requests',
      'pin.yml pin: actions contents pull-requests',
      'refresh-base.yml propose: actions contents pull-requests',
      'release.yml chart: attestations id-token packages',
      'release.yml notes: contents',
      'release.yml npm: id-token',
    ])
  })

  it('run no code from npm with a token that can write to the repository', () => {
    for (const { name, job } of jobs.filter(({ job }) => job.permissions?.['contents'] === 'write'))
      for (const { run } of job.steps ?? []) expect(run ?? '', name).not.to.match(/\b(npm|npx|node)\b/)
  })

  it('never run for a pull request with the rights or secrets of main', () => {
    for (const file of workflows) {
      const { on, jobs } = workflow(file)
      expect(Object.keys(on), file).not.to.include.members(['pull_request_target'])
      for (const event of ['pull_request_target', 'workflow_run', 'issue_comment'])
        expect(on, file).not.to.have.property(event)
      expect(read(file), file).not.to.include('secrets: inherit')
      if (!('pull_request' in on)) continue
      for (const [id, job] of Object.entries(jobs))
        if (JSON.stringify(job).includes('secrets.') || writes(job).length > 0)
          expect(gate(jobs, job), `${file} ${id}`).to.equal("github.ref == 'refs/heads/main'")
    }
  })

  it('give secrets only to jobs of an environment', () => {
    for (const { name, job } of jobs)
      if (JSON.stringify(job).includes('secrets.')) expect(job.environment, name).to.be.a('string')
  })

  it('leave no token behind in a checkout', () => {
    const checkouts = steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@'))
    expect(checkouts.length).to.be.greaterThan(5)
    for (const { name, step } of checkouts)
      expect(step.with, name).to.have.property('persist-credentials', false)
  })

  it('put no expression into a script', () => {
    for (const { name, step } of steps) expect(step.run ?? '', name).not.to.include('${{')
  })

  it('stop at the first command that fails, also in a pipe', () => {
    for (const file of workflows)
      if (Object.values(workflow(file).jobs).some((job) => job.steps?.some(({ run }) => run !== undefined)))
        expect(workflow(file).defaults?.run.shell, file).to.equal('bash')
    for (const file of actions)
      for (const { run, shell } of actionSteps(file)) if (run) expect(shell, file).to.equal('bash')
  })

  it('end in time, and one after the other', () => {
    for (const { name, job } of jobs)
      if (job.uses === undefined) expect(job['timeout-minutes'], name).to.be.a('number')
    for (const file of workflows)
      if (!('workflow_call' in workflow(file).on))
        expect(workflow(file).concurrency?.group, file).to.include('github.workflow')
  })

  it('take a trivy that was not tampered with', () => {
    const setUp = steps.filter(({ step }) => step.uses?.startsWith('aquasecurity/'))
    expect(setUp).to.have.length(2)
    for (const { name, step } of setUp) {
      expect(step.with?.['version'], name).to.equal(setUp[0]?.step.with?.['version'])
      expect(step.with?.['version'], name)
        .to.match(/^v\d+\.\d+\.\d+$/)
        .and.not.match(/^v0\.69\.[456]$/)
    }
  })
})

for (const app of ['app1', 'app2']) {
  const file = `.github/workflows/${app}.yml`

  describe(`the pipeline of ${app}`, () => {
    const { on } = workflow(file)
    const filters = on['push']?.paths ?? []
    const isFiltered = (path: string) => filters.some((filter) => filterPattern(filter).test(path))

    it('runs for its sample and what it shares, on main and for pull requests', () => {
      expect(on['push']?.branches).to.deep.equal(['main'])
      expect(on['pull_request']?.paths).to.deep.equal(filters)
      const paths = [
        `samples/${app}/Dockerfile`,
        `samples/${app}/nginx/nginx.conf`,
        '.trivyignore',
        'k8sflow.yaml',
        file,
        ...usedBy(file),
      ]
      expect(paths)
        .to.include('.github/actions/push-image/action.yml')
        .and.include('.github/scripts/commit-to-main')
      for (const path of paths) expect(isFiltered(path), path).to.equal(true)
    })

    it('runs neither for the other app nor for the digests that it pins itself', () => {
      for (const other of [
        `samples/${app === 'app1' ? 'app2' : 'app1'}/Dockerfile`,
        ...valuesFiles(app),
        'src/base.ts',
      ])
        expect(isFiltered(other), other).to.equal(false)
    })

    it('pins values files that there are', () => {
      for (const values of valuesFiles(app)) expect(read(values)).to.include(`appName: ${app}`)
      const used = [...usedBy(file), file].map(read).join('\n')
      for (const environment of ['staging', 'production'])
        expect(used).to.include(`deploy/$APP-${environment}.yml`)
    })

    it('is that of the other app, with its name', () => {
      expect(read(file).replaceAll(app, 'app')).to.equal(
        read('.github/workflows/app1.yml').replaceAll('app1', 'app'),
      )
    })
  })
}

describe('the pipeline of the log exporter', () => {
  const file = '.github/workflows/log-exporter.yml'
  const { on, jobs } = workflow(file)
  const filters = on['push']?.paths ?? []
  const isFiltered = (path: string) => filters.some((filter) => filterPattern(filter).test(path))

  it('runs for its sample and what it uses, on main and for pull requests', () => {
    expect(on['push']?.branches).to.deep.equal(['main'])
    expect(on['pull_request']?.paths).to.deep.equal(filters)
    const used = usedBy(file)
    expect(used).to.include('.github/scripts/build-log-exporter')
    for (const path of ['samples/log-exporter/journal.go', '.trivyignore', 'k8sflow.yaml', file, ...used])
      expect(isFiltered(path), path).to.equal(true)
    for (const path of ['samples/app1/Dockerfile', 'src/base.ts', 'helm/values.yaml'])
      expect(isFiltered(path), path).to.equal(false)
  })

  it('pushes what was tested and scanned, from main alone', () => {
    const { push } = jobs
    expect(push?.needs).to.have.members(['test', 'image'])
    expect(push?.if).to.equal("github.ref == 'refs/heads/main'")
    const runs = (job: string) => (jobs[job]?.steps ?? []).map(({ run }) => run ?? '').join('\n')
    expect(runs('test')).to.include('gofmt -l').and.include('go vet').and.include('go test -race')
    expect(runs('image')).to.include('build-log-exporter oci').and.include('bin/run.js scan')
    expect(runs('push')).to.include('build-log-exporter push').and.include('same-digest')
  })
})

describe('.pre-commit-config.yaml', () => {
  const { repos } = parse(read('.pre-commit-config.yaml')) as {
    repos: { repo: string; hooks: { id: string; additional_dependencies?: string[] }[] }[]
  }

  it('has local hooks only, with pinned versions', () => {
    expect(repos.map(({ repo }) => repo)).to.deep.equal(['local'])
    for (const { id, additional_dependencies = [] } of repos.flatMap(({ hooks }) => hooks))
      for (const dependency of additional_dependencies) expect(dependency, id).to.match(/(==|@v)\d+(\.\d+)+$/)
  })
})

describe('.pre-commit-hooks.yaml', () => {
  const [hook] = parse(read('.pre-commit-hooks.yaml')) as { files: string; exclude: string }[]
  const isChecked = (path: string) =>
    new RegExp(hook!.files).test(path) && !new RegExp(hook!.exclude).test(path)

  for (const path of ['app1.yml', 'deploy/app2-production.yaml', 'clusters/pi/app1-staging.yml'])
    it(`checks ${path}`, () => expect(isChecked(path)).to.equal(true))

  for (const path of ['.github/workflows/app1.yml', 'my-app1.yml', 'app1.yml.tpl', 'app3.yml'])
    it(`leaves ${path} alone`, () => expect(isChecked(path)).to.equal(false))
})

/** What a job may write, without the rest. */
function writes(job: Job): string[] {
  return Object.entries(job.permissions ?? {}).flatMap(([name, level]) => (level === 'write' ? [name] : []))
}

/** The condition of a job, or of the one that it waits for last. */
function gate(jobs: Record<string, Job>, job: Job): string | undefined {
  if (job.if !== undefined) return job.if
  return [job.needs ?? []]
    .flat()
    .map((id) => gate(jobs, jobs[id]!))
    .find((condition) => condition !== undefined)
}

/** What a path filter accepts: `**` is anything, `*` anything but a slash. */
function filterPattern(filter: string): RegExp {
  const parts = filter.split(/(\*\*|\*)/)
  const patterns = parts.map((part) =>
    part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replaceAll('.', '\\.'),
  )
  return new RegExp(`^${patterns.join('')}$`)
}

/** The repository's own workflows, actions and scripts that a file uses, and what those use. */
function usedBy(file: string): string[] {
  const text = read(file)
  const used = [
    ...[...text.matchAll(/uses: \.\/(\.github\/workflows\/\S+)/g)].map(([, path = '']) => path),
    ...[...text.matchAll(/uses: \.\/(\.github\/actions\/\S+)/g)].map(([, path = '']) => `${path}/action.yml`),
    ...[...text.matchAll(/(\.github\/scripts\/[\w.-]+)/g)].map(([, path = '']) => path),
  ]
  return [...new Set(used.flatMap((path) => [path, ...(path === file ? [] : usedBy(path))]))]
}

function valuesFiles(app: string): string[] {
  return [`deploy/${app}-staging.yml`, `deploy/${app}-production.yml`]
}
