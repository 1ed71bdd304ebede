import { expect } from 'chai'
import { execa } from 'execa'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { ROOT } from '../commands/harness.js'

const SCANNED = `sha256:${'a'.repeat(64)}`
const VALUES = 'deploy/app1-staging.yml'
const PRODUCTION = 'deploy/app1-production.yml'

/** Answers `pr list` with FAKE_OPEN, and writes down every call. */
const FAKE_GH = `#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$FAKE_LOG"
case "$1 $2" in 'pr list') echo "$FAKE_OPEN" ;; esac
`

/** Packs the chart of the checkout; the registry has the versions in FAKE_PUBLISHED. */
const FAKE_HELM = `#!/usr/bin/env bash
printf '%s\\n' "helm $*" >> "$FAKE_LOG"
case $1 in
  package) mkdir -p "$4" && touch "$4/k8sflow-$(sed -n 's/^version: //p' helm/Chart.yaml).tgz" ;;
  pull) [[ $FAKE_PUBLISHED == "$4" ]] || { echo "Error: $2:$4: not found" >&2; exit 1; }; echo "Digest: ${SCANNED}" ;;
  push) echo "Digest: sha256:${'c'.repeat(64)}" >&2 ;;
esac
`

describe('the scripts of the pipelines', () => {
  let folder: string
  let checkout: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-pipeline-'))
    checkout = join(folder, 'checkout')
    await mkdir(join(folder, 'bin'))
    await writeFile(join(folder, 'bin/gh'), FAKE_GH, { mode: 0o755 })
    await writeFile(join(folder, 'bin/helm'), FAKE_HELM, { mode: 0o755 })
    await writeFile(join(folder, 'gh.log'), '')
    await git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', 'origin.git')
    await git(folder, 'clone', '--quiet', 'origin.git', 'checkout')
    await cp(join(ROOT, '.github/scripts'), join(checkout, '.github/scripts'), { recursive: true })
    await cp(join(ROOT, 'deploy'), join(checkout, 'deploy'), { recursive: true })
    await git(checkout, 'add', '.')
    await git(checkout, 'commit', '--quiet', '-m', 'Start')
    await git(checkout, 'push', '--quiet', 'origin', 'HEAD:main')
    // As actions/checkout leaves it: a commit, no branch.
    await git(checkout, 'checkout', '--quiet', '--detach')
  })
  afterEach(async () => rm(folder, { recursive: true }))

  /** git with an identity of its own and nobody's configuration. */
  function git(cwd: string, ...argv: string[]) {
    return execa('git', argv, { cwd, env: environment() })
  }

  function environment(open = ''): Record<string, string> {
    return {
      PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: join(folder, 'gitconfig'),
      GIT_AUTHOR_NAME: 'test',
      GIT_AUTHOR_EMAIL: 'test@k8sflow.example',
      GIT_COMMITTER_NAME: 'test',
      GIT_COMMITTER_EMAIL: 'test@k8sflow.example',
      FAKE_LOG: join(folder, 'gh.log'),
      FAKE_OPEN: open,
    }
  }

  function run(script: string, argv: string[], env: Record<string, string> = {}) {
    const options = { cwd: folder, env: { ...environment(), ...env }, reject: false, all: true } as const
    return execa(join(checkout, '.github/scripts', script), argv, options)
  }

  const change = (file: string, text: string) => writeFile(join(checkout, file), text)
  const onMain = async (file: string) =>
    (await git(join(folder, 'origin.git'), 'show', `main:${file}`)).stdout
  const ghCalls = async () => (await readFile(join(folder, 'gh.log'), 'utf8')).trim().split('\n')

  /** What another pipeline pushes while this one works. */
  async function pushMeanwhile(file: string, text: string): Promise<void> {
    await git(folder, 'clone', '--quiet', 'origin.git', 'other')
    await writeFile(join(folder, 'other', file), text)
    await git(join(folder, 'other'), 'commit', '--quiet', '-am', 'Meanwhile')
    await git(join(folder, 'other'), 'push', '--quiet', 'origin', 'HEAD:main')
  }

  describe('commit-to-main', () => {
    it('commits the file it is given, and no other, as the bot', async () => {
      await change(VALUES, 'a: 1')
      await change(PRODUCTION, 'b: 2')
      const { exitCode, all } = await run('commit-to-main', ['Pin', VALUES])
      expect(exitCode, all).to.equal(0)
      expect(await onMain(VALUES)).to.equal('a: 1')
      expect(await onMain(PRODUCTION)).not.to.equal('b: 2')
      const { stdout } = await git(join(folder, 'origin.git'), 'log', '-1', '--format=%an %s', 'main')
      expect(stdout).to.equal('github-actions[bot] Pin')
      expect(await ghCalls()).to.deep.equal(['auth setup-git'])
    })

    it('does nothing where nothing has changed', async () => {
      const { exitCode, stdout } = await run('commit-to-main', ['Pin', VALUES])
      expect(exitCode).to.equal(0)
      expect(stdout).to.include('Nothing to commit')
    })

    it('puts its commit on top of what was pushed meanwhile', async () => {
      await pushMeanwhile('deploy/app2-staging.yml', 'c: 3')
      await change(VALUES, 'a: 1')
      const { exitCode, all } = await run('commit-to-main', ['Pin', VALUES])
      expect(exitCode, all).to.equal(0)
      expect(await onMain(VALUES)).to.equal('a: 1')
      expect(await onMain('deploy/app2-staging.yml')).to.equal('c: 3')
    })

    describe('with a file that is still to be proposed', () => {
      beforeEach(async () => {
        await change(VALUES, 'a: 1')
        await change(PRODUCTION, 'b: 2')
      })

      it('does the same, and leaves that file as it is', async () => {
        await pushMeanwhile('deploy/app2-staging.yml', 'c: 3')
        const { exitCode, all } = await run('commit-to-main', ['Pin', VALUES])
        expect(exitCode, all).to.equal(0)
        expect(await onMain(VALUES)).to.equal('a: 1')
        expect(await onMain('deploy/app2-staging.yml')).to.equal('c: 3')
        expect(await readFile(join(checkout, PRODUCTION), 'utf8')).to.equal('b: 2')
      })

      it('fails where that file does not fit any more', async () => {
        await pushMeanwhile(PRODUCTION, 'theirs: 1')
        const { exitCode, stderr } = await run('commit-to-main', ['Pin', VALUES])
        expect(exitCode).to.equal(1)
        expect(stderr).to.include('main has other changes')
      })
    })

    it('fails rather than overwrite what somebody else changed in the same place', async () => {
      await pushMeanwhile(VALUES, 'theirs: 1')
      await change(VALUES, 'ours: 1')
      expect((await run('commit-to-main', ['Pin', VALUES])).exitCode).not.to.equal(0)
      expect(await onMain(VALUES)).to.equal('theirs: 1')
    })

    it('says what to look at when main takes no commit', async () => {
      const hook = join(folder, 'origin.git/hooks/pre-receive')
      await writeFile(hook, '#!/bin/sh\nexit 1\n', { mode: 0o755 })
      await change(VALUES, 'a: 1')
      const { exitCode, stderr } = await run('commit-to-main', ['Pin', VALUES])
      expect(exitCode).to.equal(1)
      expect(stderr).to.include('Is it protected?')
    })
  })

  describe('open-pull-request', () => {
    const request = ['pin/app1', 'A title', 'Some text', VALUES]

    it('pushes a branch, opens a pull request and starts its checks', async () => {
      await change(VALUES, 'a: 1')
      const { exitCode, all } = await run('open-pull-request', request, { CHECKS: 'cli.yml app1.yml' })
      expect(exitCode, all).to.equal(0)
      const { stdout } = await git(join(folder, 'origin.git'), 'show', `pin/app1:${VALUES}`)
      expect(stdout).to.equal('a: 1')
      expect(await onMain(VALUES)).not.to.equal('a: 1')
      const calls = await ghCalls()
      expect(calls).to.include('pr create --base main --head pin/app1 --title A title --body Some text')
      expect(calls.slice(-2)).to.deep.equal([
        'workflow run cli.yml --ref pin/app1',
        'workflow run app1.yml --ref pin/app1',
      ])
    })

    it('renews the one that is open', async () => {
      await change(VALUES, 'a: 1')
      await run('open-pull-request', request)
      await git(checkout, 'checkout', '--quiet', '--detach', 'origin/main')
      await change(VALUES, 'a: 2')
      const { exitCode, all } = await run('open-pull-request', request, { FAKE_OPEN: '12' })
      expect(exitCode, all).to.equal(0)
      const { stdout } = await git(join(folder, 'origin.git'), 'show', `pin/app1:${VALUES}`)
      expect(stdout).to.equal('a: 2')
      expect((await ghCalls()).filter((call) => call.startsWith('pr create'))).to.have.length(1)
    })

    it('does nothing where nothing has changed', async () => {
      const { exitCode, stdout } = await run('open-pull-request', request, { CHECKS: 'cli.yml' })
      expect(exitCode).to.equal(0)
      expect(stdout).to.include('Nothing to propose')
      expect(await ghCalls()).to.deep.equal(['auth setup-git'])
    })
  })

  describe('same-digest', () => {
    it('accepts what was scanned', async () => {
      expect((await run('same-digest', [SCANNED, SCANNED])).exitCode).to.equal(0)
    })

    for (const [scanned, pushed] of [
      [SCANNED, `sha256:${'b'.repeat(64)}`],
      [SCANNED, ''],
      ['', ''],
    ] as const)
      it(`refuses ${JSON.stringify(pushed)} where ${JSON.stringify(scanned)} was scanned`, async () => {
        const { exitCode, stderr } = await run('same-digest', [scanned, pushed])
        expect(exitCode).to.equal(1)
        expect(stderr).to.match(/^::error::/)
      })
  })

  describe('release-notes.mjs', () => {
    const CHANGELOG = '# Changelog\n\n## [1.2.0] - 2026-11-24\n\n- New.\n\n## [1.1.0]\n\n- Old.\n'
    beforeEach(async () => {
      await mkdir(join(checkout, 'helm'))
      await change('package.json', '{"version": "1.1.0"}')
      await change('helm/Chart.yaml', 'version: 7.0.0\n')
      await change('CHANGELOG.md', CHANGELOG)
      await commit('Release 1.1.0', 'v1.1.0')
      await change('package.json', '{"version": "1.2.0"}')
      // Where the script looks for what it imports.
      await cp(join(ROOT, 'node_modules/yaml'), join(checkout, 'node_modules/yaml'), { recursive: true })
    })

    async function commit(message: string, tag?: string): Promise<void> {
      await git(checkout, 'add', '--', 'package.json', 'helm', 'CHANGELOG.md')
      await git(checkout, 'commit', '--quiet', '-m', message)
      if (tag !== undefined) await git(checkout, 'tag', tag)
    }

    const notes = (tag: string) =>
      execa(process.execPath, [join(checkout, '.github/scripts/release-notes.mjs'), tag], {
        env: environment(),
        reject: false,
      })

    it('prints the section of the version', async () => {
      const { exitCode, stdout, stderr } = await notes('v1.2.0')
      expect(exitCode, stderr).to.equal(0)
      expect(stdout).to.equal('- New.')
    })

    it('says the same when the tag is there already', async () => {
      await commit('Release 1.2.0', 'v1.2.0')
      expect((await notes('v1.2.0')).stdout).to.equal('- New.')
    })

    it('names another version, and a section that is missing', async () => {
      const { exitCode, stdout, stderr } = await notes('v1.3.0')
      expect(exitCode).to.equal(1)
      expect(stdout).to.equal('')
      expect(stderr).to.include('package.json has version 1.2.0')
      expect(stderr).to.include('CHANGELOG.md has no section [1.3.0]')
    })

    it('refuses a tag that is no version', async () => {
      expect((await notes('vmain')).stderr).to.include('vmain is not v and a version')
    })

    it('wants a new version of a chart that has changed since the release before', async () => {
      await change('helm/values.yaml', 'a: 1\n')
      await commit('Change the chart', 'v1.2.0')
      const { exitCode, stderr } = await notes('v1.2.0')
      expect(exitCode).to.equal(1)
      expect(stderr).to.include(
        'helm/ has changed since v1.1.0, but the version in helm/Chart.yaml is still 7.0.0',
      )
      await change('helm/Chart.yaml', 'version: 7.1.0\n')
      expect((await notes('v1.2.0')).stdout).to.equal('- New.')
    })

    it('lets this repository have its first release', async () => {
      await git(checkout, 'tag', '--delete', 'v1.1.0')
      const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
        version: string
      }
      await cp(join(ROOT, 'package.json'), join(checkout, 'package.json'))
      await cp(join(ROOT, 'helm/Chart.yaml'), join(checkout, 'helm/Chart.yaml'))
      await change('CHANGELOG.md', `## [${version}]\n\n- First.\n`)
      const { stdout, stderr } = await notes(`v${version}`)
      expect(stdout, stderr).to.equal('- First.')
    })
  })

  describe('push-chart', () => {
    beforeEach(async () => {
      await mkdir(join(checkout, 'helm'))
      await change('helm/Chart.yaml', 'version: 7.0.0\n')
    })

    async function push(published: string): Promise<string> {
      const output = join(folder, 'output')
      const { exitCode, all } = await run('push-chart', ['ghcr.io/me/charts'], {
        FAKE_PUBLISHED: published,
        GITHUB_OUTPUT: output,
        GITHUB_REPOSITORY: 'me/k8sflow',
      })
      expect(exitCode, all).to.equal(0)
      return readFile(output, 'utf8')
    }

    const outputs = (digest: string) =>
      `version=7.0.0\nname=ghcr.io/me/charts/k8sflow\ndigest=${digest}\nattested=true\n`

    it('pushes a version that the registry does not have', async () => {
      expect(await push('6.9.0')).to.equal(outputs(`sha256:${'c'.repeat(64)}`))
      expect((await ghCalls()).join('\n')).to.match(
        /^helm push \S+k8sflow-7\.0\.0\.tgz oci:\/\/ghcr\.io\/me\/charts$/m,
      )
    })

    it('leaves one that it has', async () => {
      expect(await push('7.0.0')).to.equal(outputs(SCANNED))
      expect((await ghCalls()).join('\n'))
        .to.include(`attestation verify oci://ghcr.io/me/charts/k8sflow@${SCANNED} --repo me/k8sflow`)
        .and.not.include('helm push')
    })
  })
})
