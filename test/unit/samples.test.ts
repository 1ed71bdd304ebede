import { expect } from 'chai'
import { execa } from 'execa'
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const apps = ['app1', 'app2']
const sample = (app: string, ...parts: string[]) => path.join(root, 'samples', app, ...parts)
const read = (app: string, file: string) => readFile(sample(app, file), 'utf8')

/** What a sample may have for itself; everything else is the same in both. */
const OWN = new Set(['README.md', 'Dockerfile', 'production.env', 'staging.env', 'html/style.css'])

describe('the samples', () => {
  it('share every file but those that carry a name or a colour', async () => {
    const [first, second] = await Promise.all(apps.map(files))
    expect(first).to.deep.equal(second)
    for (const file of first!.filter((name) => !OWN.has(name)))
      expect(await read('app1', file), file).to.equal(await read('app2', file))
    for (const file of OWN)
      expect(renamed(await read('app2', file)), file).to.equal(renamed(await read('app1', file)))
  })

  for (const app of apps) {
    describe(app, () => {
      it('is built without running anything, on a base pinned by digest', async () => {
        const lines = instructions(await read(app, 'Dockerfile'))
        expect(lines.map(([name]) => name)).to.not.include.members(['RUN'])
        expect([...new Set(lines.map(([name]) => name))].sort()).to.deep.equal(
          ['ARG', 'COPY', 'ENV', 'EXPOSE', 'FROM', 'HEALTHCHECK', 'LABEL', 'USER'].sort(),
        )
        const stages = lines.filter(([name]) => name === 'FROM').map(([, rest]) => rest)
        expect(stages[0]).to.match(/^nginx:1-alpine-slim@sha256:[0-9a-f]{64} AS base$/)
        expect(stages[1]).to.equal('${NGINX_IMAGE}')
        expect(lines).to.deep.include(['USER', '10101:10101']).and.deep.include(['EXPOSE', '8080'])
      })

      it('copies all its folders hold, readable whatever the umask of the checkout was', async () => {
        const copies = instructions(await read(app, 'Dockerfile')).filter(([name]) => name === 'COPY')
        for (const [, rest] of copies) expect(rest).to.match(/^--chmod=(644|755) /)
        const copied = copies.flatMap(([, rest]) => rest.split(/\s+/).slice(1, -1))
        const held = (await files(app)).filter((file) => /^(html|nginx)\//.test(file))
        expect(copied.sort()).to.deep.equal(held)
        // BuildKit gives the mode to folders it has to make: only these two are there already.
        for (const [, rest] of copies.filter(([, text]) => text.startsWith('--chmod=644')))
          expect(rest.split(/\s+/).at(-1)).to.be.oneOf(['/etc/nginx/', '/docker-entrypoint.d/'])
      })

      it('sends docker nothing but what it copies', async () => {
        expect((await read(app, '.dockerignore')).trim().split('\n')).to.deep.equal(['*', '!html', '!nginx'])
      })

      for (const environment of ['production', 'staging'])
        it(`has variables for ${environment}`, async () => {
          expect(parseEnv(await read(app, `${environment}.env`))).to.deep.equal({
            APP_NAME: `${app}-${environment}`,
            COUNTRY: 'it',
          })
        })

      it('keeps its configuration where a restricted pod can write', async () => {
        const config = await read(app, 'nginx/nginx.conf')
        expect(config).to.match(/^worker_processes 1;$/m)
        expect(config).to.match(/^ +include \/tmp\/nginx\/app\.conf;$/m)
        expect(config).to.match(/^pid \/tmp\/nginx\//m)
        for (const kind of ['client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi'])
          expect(config).to.include(`${kind}_temp_path /tmp/nginx/${kind};`)
        expect(await read(app, 'Dockerfile')).to.include('NGINX_ENVSUBST_OUTPUT_DIR=/tmp/nginx\n')
      })
    })
  }
})

describe('the log exporter', () => {
  it('is compiled by a Go image pinned by digest, on the builder’s own platform, into an image with nothing else', async () => {
    const lines = instructions(await read('log-exporter', 'Dockerfile'))
    const stages = lines.filter(([name]) => name === 'FROM').map(([, rest]) => rest)
    expect(stages[0]).to.match(/^--platform=\$BUILDPLATFORM golang:1\.26-alpine@sha256:[0-9a-f]{64} AS base$/)
    expect(stages.slice(1)).to.deep.equal(['--platform=$BUILDPLATFORM ${GO_IMAGE} AS build', 'scratch'])
    expect(lines).to.deep.include(['USER', '10101:10101']).and.deep.include(['EXPOSE', '8081'])
  })
})

describe('the check at the start of the samples', function () {
  const variables = { APP_NAME: 'app1-production', COUNTRY: 'it' }
  let tmp: string
  let script: string

  before(async function () {
    if (process.platform === 'win32') this.skip()
    tmp = await mkdtemp(path.join(tmpdir(), 'k8sflow-sample-'))
    script = path.join(tmp, '00-check.sh')
    await writeFile(
      script,
      (await read('app1', 'nginx/00-check.sh')).replaceAll('/tmp/nginx', `${tmp}/nginx`),
    )
  })
  after(() => rm(tmp, { recursive: true, force: true }))

  const check = (env: Record<string, string>, file = script) =>
    execa('sh', [file], { env: { PATH: process.env['PATH'] ?? '', ...env }, extendEnv: false, reject: false })

  it('makes the folder anew', async () => {
    expect((await check(variables)).exitCode).to.equal(0)
    await writeFile(path.join(tmp, 'nginx', 'app.conf'), 'of an earlier start')
    expect((await check(variables)).exitCode).to.equal(0)
    expect(await readdir(path.join(tmp, 'nginx'))).to.deep.equal([])
  })

  for (const [title, env, message] of [
    ['a missing variable', { APP_NAME: 'a' }, 'COUNTRY is not set'],
    ['an empty one', { ...variables, APP_NAME: '' }, 'APP_NAME is not set'],
    [
      'text that nginx would not take as it is',
      { ...variables, COUNTRY: 'it"; $host' },
      "COUNTRY is 'it\"; $host'",
    ],
    ['more than one line', { ...variables, COUNTRY: 'it\nis' }, 'may have only letters'],
  ] as const)
    it(`refuses ${title}`, async () => {
      const { exitCode, stderr } = await check(env)
      expect(exitCode).to.equal(1)
      expect(stderr).to.include(`00-check.sh: ERROR: `).and.include(message)
    })

  it('refuses a place that cannot be written, and says what would help', async () => {
    const blocked = path.join(tmp, 'blocked.sh')
    await writeFile(path.join(tmp, 'file'), '')
    await writeFile(
      blocked,
      (await read('app1', 'nginx/00-check.sh')).replaceAll('/tmp/nginx', `${tmp}/file/nginx`),
    )
    const { exitCode, stderr } = await check(variables, blocked)
    expect(exitCode).to.equal(1)
    expect(stderr).to.include('cannot be written').and.include('--tmpfs /tmp')
  })
})

describe('scripts/refresh-base.ts', () => {
  const digest = `sha256:${'ab'.repeat(32)}`
  let tmp: string
  let dockerfiles: string[]

  beforeEach(async function () {
    if (process.platform === 'win32') this.skip()
    tmp = await mkdtemp(path.join(tmpdir(), 'k8sflow-refresh-'))
    dockerfiles = apps.map((app) => path.join(tmp, app))
    for (const app of apps) await copyFile(sample(app, 'Dockerfile'), path.join(tmp, app))
  })
  afterEach(() => rm(tmp, { recursive: true, force: true }))

  const index = (...platforms: string[]) => ({
    digest,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: platforms.map((text) => {
      const [os, architecture, variant] = text.split('/')
      return { digest, platform: { os, architecture, ...(variant && { variant }) } }
    }),
  })

  /** Runs the script with a docker that answers with `answer`, or fails with it. */
  async function refresh(answer: unknown, exitCode = 0) {
    const docker = path.join(tmp, 'docker')
    await writeFile(path.join(tmp, 'answer'), typeof answer === 'string' ? answer : JSON.stringify(answer))
    await writeFile(
      docker,
      `#!/bin/sh\necho "$@" >>'${tmp}/calls'\ncat '${tmp}/answer'${exitCode ? ' >&2' : ''}\nexit ${exitCode}\n`,
    )
    await chmod(docker, 0o755)
    const script = path.join(root, 'scripts', 'refresh-base.ts')
    const env = { K8SFLOW_DOCKER: docker }
    return execa(process.execPath, ['--import', 'tsx', script, ...dockerfiles], {
      cwd: root,
      env,
      reject: false,
    })
  }

  it('writes the digest that the tag names into both files, and nothing else', async () => {
    const result = await refresh(index('linux/amd64', 'unknown/unknown', 'linux/arm64/v8'))
    expect(result.stderr).to.equal('')
    expect(result.exitCode).to.equal(0)
    expect(result.stdout).to.include(`nginx:1-alpine-slim is ${digest}, was sha256:`)
    expect(await readFile(path.join(tmp, 'calls'), 'utf8')).to.match(
      /^buildx imagetools inspect nginx:1-alpine-slim --format \{\{json \.Manifest\}\}$/m,
    )
    for (const app of apps)
      expect(await readFile(path.join(tmp, app), 'utf8')).to.equal(
        (await read(app, 'Dockerfile')).replace(/sha256:[0-9a-f]{64}/, digest),
      )
  })

  for (const [title, answer, exitCode, message] of [
    ['docker fails', 'ERROR: no such host', 1, 'no such host'],
    ['a platform is missing', index('linux/amd64'), 0, 'no image for linux/arm64 now'],
  ] as const)
    it(`writes nothing when ${title}`, async () => {
      const result = await refresh(answer, exitCode)
      expect(result.exitCode).to.equal(1)
      expect(result.stderr).to.include(message)
      await expectUnchanged()
    })

  it('writes nothing when one file has no pinned base', async () => {
    await writeFile(dockerfiles[1]!, 'FROM nginx\n')
    const result = await refresh(index('linux/amd64', 'linux/arm64'))
    expect(result.exitCode).to.equal(1)
    expect(result.stderr).to.include(`${dockerfiles[1]} has no line`)
    dockerfiles.pop()
    await expectUnchanged()
  })

  async function expectUnchanged() {
    for (const file of dockerfiles)
      expect(await readFile(file, 'utf8')).to.equal(await read(path.basename(file), 'Dockerfile'))
  }
})

/** All files of a sample, as sorted relative paths. */
async function files(app: string): Promise<string[]> {
  const entries = await readdir(sample(app), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(sample(app), path.join(entry.parentPath, entry.name)))
    .map((file) => file.replaceAll(path.sep, '/'))
    .sort()
}

/** A text without what may differ between the samples. */
function renamed(text: string): string {
  return text.replace(/app[12]/g, 'app').replace(/#[0-9a-f]{6}/g, '#')
}

/** A Dockerfile's instructions with continued lines joined: `['FROM', 'nginx:…']`. */
function instructions(dockerfile: string): [string, string][] {
  return dockerfile
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1).replace(/\s+/g, ' ')])
}
