import { expect } from 'chai'

import { MissingProgramError } from '../../../src/errors.js'
import { HelmError } from '../../../src/tools/helm-errors.js'
import { createHelm, type Helm } from '../../../src/tools/helm.js'
import { fakeHelm, FakeRunner } from './fake-runner.js'

const STATUS = JSON.stringify({
  name: 'app1',
  namespace: 'we-road',
  version: 3,
  info: {
    status: 'deployed',
    description: 'Upgrade complete',
    first_deployed: '2026-11-24T08:14:02.123456789+01:00',
    last_deployed: '2026-11-24T08:20:00Z',
  },
})

describe('helm verbs', () => {
  const where = { program: 'helm', namespace: 'we-road', kubeconfig: '/k', context: 'pi' }
  const place = '--namespace we-road --kubeconfig /k --kube-context pi'
  const cases: [string, (helm: Helm) => Promise<unknown>, string][] = [
    [
      'list',
      (helm) => helm.list(),
      `list --deployed --failed --pending --superseded --uninstalled --uninstalling --max 0 -o json ${place}`,
    ],
    [
      'list of all namespaces',
      (helm) => helm.list({ allNamespaces: true }),
      'list --deployed --failed --pending --superseded --uninstalled --uninstalling --max 0 --all-namespaces -o json --kubeconfig /k --kube-context pi',
    ],
    ['status', (helm) => helm.status('app1'), `status app1 -o json ${place}`],
    ['history', (helm) => helm.history('app1'), `history app1 --max 256 -o json ${place}`],
    ['values of users', (helm) => helm.getValues('app1'), `get values app1 -o json ${place}`],
    [
      'all values of a revision',
      (helm) => helm.getValues('app1', { all: true, revision: 2 }),
      `get values app1 --all --revision 2 -o json ${place}`,
    ],
    ['manifest', (helm) => helm.getManifest('app1'), `get manifest app1 ${place}`],
    [
      'install or upgrade',
      (helm) =>
        helm.upgrade({
          release: 'app1',
          chart: '/chart',
          mode: 'upgrade-install',
          files: ['app1-staging.yml'],
          set: ['namespaces.create=false'],
          createNamespace: true,
          wait: true,
          timeout: '5m',
        }),
      `upgrade --install app1 /chart -f app1-staging.yml --set namespaces.create=false --create-namespace --wait --timeout 5m ${place}`,
    ],
    [
      'upgrade that takes over',
      (helm) =>
        helm.upgrade({ release: 'app1', chart: '/c', mode: 'upgrade', takeOwnership: true, files: ['-'] }),
      `upgrade app1 /c -f - --take-ownership ${place}`,
    ],
    [
      'upgrade that takes fields over',
      (helm) => helm.upgrade({ release: 'app1', chart: '/c', mode: 'upgrade', forceConflicts: true }),
      `upgrade app1 /c --server-side=true --force-conflicts ${place}`,
    ],
    [
      'rollback that takes fields over',
      (helm) => helm.rollback({ release: 'app1', revision: 2, forceConflicts: true }),
      `rollback app1 2 --server-side=true --force-conflicts ${place}`,
    ],
    [
      'install',
      (helm) => helm.upgrade({ release: 'app1', chart: '/c', mode: 'install', createNamespace: true }),
      `install app1 /c --create-namespace ${place}`,
    ],
    [
      'rollback',
      (helm) => helm.rollback({ release: 'app1', revision: 2, wait: true, timeout: '90s' }),
      `rollback app1 2 --wait --timeout 90s ${place}`,
    ],
    [
      'uninstall',
      (helm) => helm.uninstall({ release: 'app1', wait: true, timeout: '5m' }),
      `uninstall app1 --wait --timeout 5m ${place}`,
    ],
    [
      'template',
      (helm) => helm.template({ release: 'app1', chart: '/c', files: ['f.yml'] }),
      'template app1 /c -f f.yml --namespace we-road',
    ],
    [
      'template for a version of Kubernetes',
      (helm) => helm.template({ release: 'app1', chart: '/c', kubeVersion: 'v1.37.2' }),
      'template app1 /c --kube-version v1.37.2 --namespace we-road',
    ],
    [
      'lint',
      (helm) => helm.lint({ chart: '/c', strict: true, files: ['f.yml'] }),
      'lint /c --strict -f f.yml',
    ],
  ]
  for (const version of ['v3.17.0', 'v3.22.0+gabc', 'v4.1.4', 'v4.3.1'])
    for (const [name, act, expected] of cases)
      it(`gives ${version} the arguments of ${name}`, async () => {
        const runner = fakeHelm(version, (args) => {
          if (/^(list|history)/.test(args)) return { stdout: '[]' }
          if (args.startsWith('get values')) return { stdout: 'null' }
          return { stdout: args.startsWith('status') ? STATUS : 'REVISION: 1' }
        })
        await act(await createHelm(runner, where))
        expect(runner.argumentLists).to.deep.equal([expected])
      })

  it('runs what changes something in its own process group, and hands it the signal', async () => {
    const runner = fakeHelm('v4.3.1', () => ({ stdout: 'REVISION: 1' }))
    const helm = await createHelm(runner, where)
    const { signal } = new AbortController()
    await helm.upgrade({ release: 'a', chart: 'c', mode: 'upgrade' }, { signal, stdin: 'x: 1' })
    await helm.rollback({ release: 'a', revision: 1 }, { signal })
    await helm.uninstall({ release: 'a' }, { signal })
    const changes = runner.invocations.slice(1)
    expect(changes.map(({ ownGroup }) => ownGroup)).to.deep.equal([true, true, true])
    expect(changes.every((change) => change.signal === signal)).to.equal(true)
    expect(changes[0]?.stdin).to.equal('x: 1')
  })

  it('never lets HELM_ variables point helm at another cluster', async () => {
    const runner = fakeHelm('v4.3.1', () => ({ stdout: '[]' }))
    await (await createHelm(runner, where)).list()
    expect(runner.invocations.at(-1)?.env).to.have.property('HELM_KUBECONTEXT', undefined)
  })

  it('takes helm from K8SFLOW_HELM', async () => {
    process.env['K8SFLOW_HELM'] = '/opt/helm'
    try {
      expect((await createHelm(fakeHelm('v4.3.1'))).program).to.equal('/opt/helm')
    } finally {
      delete process.env['K8SFLOW_HELM']
    }
  })

  it('writes a command line to paste, secrets masked', async () => {
    const helm = await createHelm(fakeHelm('v4.3.1'), { program: 'helm', namespace: 'we road' })
    expect(
      helm.commandLine(['upgrade', 'a', '--set', 'x.password=1', '--set', 'namespaces.create=false']),
    ).to.equal("helm upgrade a --set 'x.password=***' --set namespaces.create=false --namespace 'we road'")
  })
})

describe('helm results', () => {
  it('normalises a list', async () => {
    const stdout = JSON.stringify([
      {
        name: 'app1',
        namespace: 'we-road',
        revision: '12',
        updated: '2026-11-24 08:14:02.123456789 +0100 CET',
        status: 'pending-upgrade',
        chart: 'k8sflow-1.0.0',
        app_version: '1.0.0',
      },
    ])
    const helm = await createHelm(fakeHelm('v3.22.0', () => ({ stdout })))
    expect(await helm.list()).to.deep.equal([
      {
        name: 'app1',
        namespace: 'we-road',
        revision: 12,
        updated: '2026-11-24T07:14:02.123Z',
        status: 'pending-upgrade',
        chart: 'k8sflow-1.0.0',
        appVersion: '1.0.0',
      },
    ])
  })

  it('normalises a status', async () => {
    const helm = await createHelm(fakeHelm('v4.3.1', () => ({ stdout: STATUS })))
    expect(await helm.status('app1')).to.deep.equal({
      name: 'app1',
      namespace: 'we-road',
      revision: 3,
      status: 'deployed',
      description: 'Upgrade complete',
      firstDeployed: '2026-11-24T07:14:02.123Z',
      lastDeployed: '2026-11-24T08:20:00.000Z',
    })
  })

  it('gives a history with the oldest revision first', async () => {
    const stdout = JSON.stringify([
      { revision: 2, updated: '2026-11-24T08:20:00Z', status: 'deployed' },
      { revision: 1, updated: '2026-11-24T08:10:00Z', status: 'superseded' },
    ])
    const helm = await createHelm(fakeHelm('v4.3.1', () => ({ stdout })))
    expect((await helm.history('app1')).map(({ revision }) => revision)).to.deep.equal([1, 2])
  })

  it('has no status and no history of a release that is not there', async () => {
    const helm = await createHelm(
      fakeHelm('v4.3.1', () => ({ exitCode: 1, stderr: 'Error: release: not found' })),
    )
    expect(await helm.status('app1')).to.equal(undefined)
    expect(await helm.history('app1')).to.deep.equal([])
  })

  it('asks for the status where an upgrade does not say its revision', async () => {
    const runner = fakeHelm('v4.3.1', (args) => ({ stdout: args.startsWith('status') ? STATUS : 'done' }))
    const helm = await createHelm(runner)
    expect(await helm.upgrade({ release: 'app1', chart: 'c', mode: 'upgrade' })).to.deep.equal({
      revision: 3,
    })
  })

  it('says so where JSON was expected and something else came', async () => {
    const helm = await createHelm(fakeHelm('v4.3.1', () => ({ stdout: 'hello' })))
    expect(await failure(helm.list())).to.have.property('code', 'HELM_OUTPUT')
  })
})

describe('the version of helm', () => {
  for (const [version, expected] of [
    ['v3.17.0', 3],
    ['v3.22.0+g1234', 3],
    ['v4.0.0', 4],
    ['v4.3.1', 4],
  ] as const)
    it(`takes ${version}`, async () => {
      expect((await createHelm(fakeHelm(version))).version.major).to.equal(expected)
    })

  for (const [version, code] of [
    ['v3.16.4', 'HELM_TOO_OLD'],
    ['v2.17.0', 'HELM_TOO_OLD'],
    ['', 'HELM_UNUSABLE'],
    ['The Helm text editor', 'HELM_UNUSABLE'],
  ] as const)
    it(`refuses "${version}"`, async () => {
      const error = await failure(createHelm(fakeHelm(version)))
      expect(error).to.be.instanceOf(MissingProgramError)
      expect(error).to.include({ code, exitCode: 4 })
      expect(String(error)).to.include(code === 'HELM_TOO_OLD' ? '3.17.0' : 'did not say a version of helm')
    })

  it('says how to get a helm that is missing', async () => {
    const runner = new FakeRunner(() => {
      throw new MissingProgramError('helm was not found.', { code: 'PROGRAM_NOT_FOUND' })
    })
    const error = (await failure(createHelm(runner))) as MissingProgramError
    expect(error).to.include({ code: 'HELM_NOT_FOUND', exitCode: 4 })
    expect(error.suggestions.join('\n')).to.include('K8SFLOW_HELM')
  })
})

describe('failures of helm', () => {
  // What helm 3.17.3 and 4.1.4 were seen to say (facts, "Strings").
  const table: [string, string, number][] = [
    ['Error: release: not found', 'not-found', 1],
    ['Error: uninstall: Release not loaded: X: release: not found', 'not-found', 1],
    ['Error: UPGRADE FAILED: "X" has no deployed releases', 'not-found', 1],
    ['Error: INSTALLATION FAILED: cannot re-use a name that is still in use', 'name-in-use', 1],
    ['Error: release name check failed: cannot reuse a name that is still in use', 'name-in-use', 1],
    ['Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress', 'pending', 1],
    [
      'Error: UPGRADE FAILED: create: failed to create: secrets "sh.helm.release.v1.app1.v2" already exists',
      'pending',
      1,
    ],
    ['Error: release: already exists', 'pending', 1],
    ['Error: release has no 0 version', 'no-revision', 1],
    // As helm 3.22 and 4.3 say it: a registry without DNS, with a strange certificate, a login; a version that is not there.
    [
      'Release "monitoring" does not exist. Installing it now.\nError: failed to perform "FetchReference" on source: Get "https://ghcr.io/v2/x/manifests/88.5.3": dial tcp: lookup ghcr.io: no such host',
      'chart-not-fetched',
      1,
    ],
    [
      'Error: failed to perform "FetchReference" on source: Get "https://r.lan/v2/x/manifests/1": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      'chart-not-fetched',
      1,
    ],
    [
      'Error: failed to perform "FetchReference" on source: GET "https://r.lan/v2/x/manifests/1": response status code 401: unauthorized: authentication required',
      'chart-not-fetched',
      1,
    ],
    ['Error: failed to perform "FetchReference" on source: r.lan/x:1.0.0: not found', 'chart-not-fetched', 1],
    [
      'Error: looks like "http://r.lan" is not a valid chart repository or cannot be reached: Get "http://r.lan/index.yaml": dial tcp 127.0.0.1:1: connect: connection refused',
      'chart-not-fetched',
      1,
    ],
    [
      'Error: Get "https://r.lan/v2/x/tags/list": dial tcp: lookup r.lan: no such host',
      'chart-not-fetched',
      1,
    ],
    [
      'Error: Get "https://r.lan/kps.tgz": dial tcp 127.0.0.1:1: connect: connection refused',
      'chart-not-fetched',
      1,
    ],
    ['Error: Kubernetes cluster unreachable: Get "https://127.0.0.1:1/version": dial tcp', 'unreachable', 5],
    ['Error: kubernetes cluster unreachable: context "nope" does not exist', 'unreachable', 5],
    [
      'Error: Kubernetes cluster unreachable: the server has asked for the client to provide credentials',
      'unauthorized',
      5,
    ],
    ['Error: list: failed to list: secrets is forbidden: User "x" cannot list', 'forbidden', 5],
    [
      "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nk8sflow:\n- country: Does not match pattern",
      'schema',
      2,
    ],
    [
      "Error: UPGRADE FAILED: values don't meet the specifications of the schema(s) in the following chart(s):\nk8sflow:\n- at '/country': 'DEU' does not match pattern",
      'schema',
      2,
    ],
    ['Error: execution error at (ch/templates/cm.yaml:8:8): no', 'template', 1],
    ['Error: template: ch/f.yaml:11:15: executing "x" at <y>: nil pointer', 'template', 1],
    ['Error: YAML parse error on ch/templates/x.yaml: error converting YAML to JSON', 'template', 1],
    [
      'Error: Unable to continue with install: Deployment "app1-it" in namespace "we-road-it" exists and cannot be imported into the current release: invalid ownership metadata; annotation validation error',
      'ownership',
      1,
    ],
    [
      'Error: UPGRADE FAILED: conflict occurred while applying object we-road-it/app1-it apps/v1, Kind=Deployment: Apply failed with 1 conflict: conflict with "x"',
      'conflict',
      1,
    ],
    ['Error: UPGRADE FAILED: context deadline exceeded', 'wait-timeout', 1],
    [
      'Error: UPGRADE FAILED: resource Deployment/we-road-it/app1-it not ready. status: InProgress, message: Replicas: 0/1\ncontext deadline exceeded',
      'wait-timeout',
      1,
    ],
    [
      'Error: UPGRADE FAILED: failed calling webhook "x": Post "https://y": dial tcp 10.0.0.1:443: connect: connection refused',
      'other',
      1,
    ],
    ['Error: release app1 failed: context canceled', 'interrupted', 130],
    ['Error: something new', 'other', 1],
  ]
  for (const [stderr, kind, exit] of table)
    for (const said of [stderr, stderr.toUpperCase()])
      it(`knows "${said.slice(0, 60)}" as ${kind}`, async () => {
        const helm = await createHelm(fakeHelm('v4.3.1', () => ({ exitCode: 1, stderr: said })))
        const error = (await failure(helm.rollback({ release: 'app1', revision: 1 }))) as HelmError
        expect(error).to.be.instanceOf(HelmError)
        expect(error).to.include({ kind, stderr: said })
        expect(error.exitCode).to.equal(exit)
      })

  it('reads past log lines and warnings', async () => {
    const stderr = [
      'level=WARN msg="unable to find exact version"',
      'Flag --atomic has been deprecated, use --rollback-on-failure instead',
      'Error: UPGRADE FAILED: resource Deployment/ns/x not ready. status: InProgress',
      'level=ERROR msg="more"',
      'second line',
    ].join('\n')
    const helm = await createHelm(fakeHelm('v4.3.1', () => ({ exitCode: 1, stderr })))
    const error = await failure(helm.uninstall({ release: 'app1' }))
    expect(error.message).to.equal(
      'helm uninstall app1 failed: UPGRADE FAILED: resource Deployment/ns/x not ready. status: InProgress\nsecond line',
    )
  })

  it('masks user names and passwords in what helm said', async () => {
    const stderr = 'Error: Get "https://me:secret@example.test/": no'
    const helm = await createHelm(fakeHelm('v4.3.1', () => ({ exitCode: 1, stderr })))
    const error = (await failure(helm.list())) as HelmError
    expect([error.message, error.stderr, JSON.stringify(error.data)].join()).to.not.include('secret')
  })

  it('says which signal ended helm', async () => {
    const helm = await createHelm(fakeHelm('v4.3.1', () => ({ exitCode: 1, endedBy: 'SIGKILL' })))
    const error = (await failure(helm.rollback({ release: 'a', revision: 1 }))) as HelmError
    expect(error.kind).to.equal('interrupted')
    expect(error.message).to.include('SIGKILL')
  })
})

async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('It did not fail.')
}
