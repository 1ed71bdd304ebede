import { expect } from 'chai'

import type { K8sflowError } from '../../../src/errors.js'
import type { ProgressEvent } from '../../../src/progress.js'
import { history } from '../../../src/services/history.js'
import { rollback, rollbackError, type RollbackOptions } from '../../../src/services/rollback.js'
import type { Session } from '../../../src/services/session.js'
import { uninstall, uninstallError, type UninstallOptions } from '../../../src/services/uninstall.js'
import type { Reply } from '../cluster/fake-cluster.js'
import type { Answer } from '../tools/fake-runner.js'
import { fakeSession, listed } from './fake-session.js'

const manifest = (country: string, tag: string, owned = false) => `${
  owned ? `---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: we-road-${country}\n` : ''
}---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app1-${country}
  namespace: we-road-${country}
spec:
  template:
    spec:
      containers:
        - image: hecha00/app1:${tag}
          env:
            - name: APP_NAME
              value: app1-staging
`
const HISTORY = JSON.stringify([
  {
    revision: 1,
    status: 'superseded',
    updated: '',
    chart: 'k8sflow-1.0.0',
    app_version: '',
    description: '',
  },
  { revision: 2, status: 'deployed', updated: '', chart: 'k8sflow-1.0.0', app_version: '', description: '' },
])
const statusAnswer = (revision: number, status: string) => ({
  stdout: JSON.stringify({ name: 'app1', namespace: 'we-road', version: revision, info: { status } }),
})

/** A helm with one release of two revisions; `special` answers first, and all that changes something is kept. */
function scenario(special: (args: string) => Answer | undefined = () => undefined, owned = false) {
  const changes: string[] = []
  const helm = (args: string): Answer | undefined => {
    if (/^(rollback|uninstall|upgrade)/.test(args)) changes.push(args)
    const answer = special(args)
    if (answer) return answer
    if (args.startsWith('list'))
      return {
        stdout: JSON.stringify(args.includes('--namespace we-road') ? [listed('app1', 'we-road')] : []),
      }
    if (args.startsWith('history')) return { stdout: HISTORY }
    if (args.startsWith('get manifest'))
      return {
        stdout: args.includes('--revision 1')
          ? manifest('it', '1.0.0', owned)
          : manifest('it', '1.1.0', owned),
      }
    return args.startsWith('status') ? statusAnswer(3, 'deployed') : undefined
  }
  return { changes, helm }
}

const live = { metadata: { name: 'we-road-it', annotations: {} } }
const api = (path: string): Reply => {
  if (path === '/api/v1/namespaces/we-road-it') return live
  if (path.endsWith('/proxy/ping')) return { status: 200, text: 'hello from app1-staging-it' }
  return { items: [] }
}
/** The same with app1 tracked by an Application of Argo CD, which may not be read. */
const argocd = (path: string): Reply => {
  if (path.endsWith('/applications')) return { status: 403, text: '{"message":"forbidden"}' }
  if (path !== '/apis/apps/v1/deployments') return api(path)
  const annotations = { 'argocd.argoproj.io/tracking-id': 'we-road-app1:apps/Deployment:we-road-it/app1-it' }
  return { items: [{ metadata: { name: 'app1-it', namespace: 'we-road-it', annotations } }] }
}
const signal = new AbortController().signal

function help(more: { signal?: AbortSignal; confirm?: (question: string) => Promise<boolean> } = {}) {
  const events: ProgressEvent[] = []
  return { events, lent: { progress: (event: ProgressEvent) => events.push(event), signal, ...more } }
}
const opens = (session: Promise<Session>) => async () => session
const caught = async (work: Promise<unknown>) =>
  work.then(() => undefined).catch((error: unknown) => error as K8sflowError)

describe('rollback', () => {
  const options: RollbackOptions = {
    project: ['app1'],
    yes: true,
    dryRun: false,
    wait: true,
    verify: true,
    timeout: '5m',
    allowArgocd: false,
  }

  it('leaves what Argo CD manages alone unless told otherwise', async () => {
    const { changes, helm } = scenario()
    const error = await caught(rollback(options, help().lent, opens(fakeSession(helm, argocd))))
    expect(error).to.include({ code: 'MANAGED_BY_ARGOCD', exitCode: 2 })
    expect(error?.suggestions[0]).to.include('Revert the commit')
    expect(changes).to.deep.equal([])
    const allowed = { ...options, allowArgocd: true }
    const { notes } = await rollback(allowed, help().lent, opens(fakeSession(helm, argocd)))
    expect(notes.join()).to.include('we-road-app1 manages app1-it and may undo this')
    // helm 4 would refuse to change what Argo CD has applied.
    const line =
      'rollback app1 1 --server-side=true --force-conflicts --wait --timeout 5m --namespace we-road'
    expect(changes).to.deep.equal([line])
    const dry = await rollback({ ...options, dryRun: true }, help().lent, opens(fakeSession(helm, argocd)))
    expect(dry.notes.join()).to.include('Without --allow-argocd this is refused')
    expect(dry.commands?.join()).to.include('rollback app1 1 --server-side=true --force-conflicts')
  })

  it('goes back to the last good revision, waits, and asks for /ping', async () => {
    const { changes, helm } = scenario()
    const { lent, events } = help()
    const result = await rollback(options, lent, opens(fakeSession(helm, api)))
    expect(changes).to.deep.equal(['rollback app1 1 --wait --timeout 5m --namespace we-road'])
    expect(result.ok).to.equal(true)
    expect(result.releases[0]).to.include({ outcome: 'rolled-back', from: 2, to: 1, revision: 3 })
    expect(result.apps[0]?.ping).to.include({ ok: true })
    expect(events.find(({ kind }) => kind === 'lines')).to.deep.include({
      lines: ['app1/it hecha00/app1:1.1.0 → hecha00/app1:1.0.0'],
    })
    expect(rollbackError(result)).to.equal(undefined)
  })

  it('asks before it changes anything', async () => {
    const { changes, helm } = scenario()
    let asked = ''
    const confirm = async (question: string) => {
      asked = question
      return false
    }
    const error = await caught(
      rollback({ ...options, yes: false }, help({ confirm }).lent, opens(fakeSession(helm, api))),
    )
    expect(error).to.include({ code: 'DECLINED', exitCode: 2 })
    expect(asked).to.equal('Roll app1 back?')
    expect(changes).to.deep.equal([])
  })

  it('only tells the commands as a dry run', async () => {
    const { changes, helm } = scenario()
    const result = await rollback(
      { ...options, dryRun: true, yes: false },
      help().lent,
      opens(fakeSession(helm, api)),
    )
    expect(result.commands).to.deep.equal(['helm rollback app1 1 --wait --timeout 5m --namespace we-road'])
    expect(changes).to.deep.equal([])
  })

  it('takes one number for one release only', async () => {
    const error = await caught(rollback({ ...options, project: ['app1,app2'], revision: 1 }, help().lent))
    expect(error).to.include({ code: 'REVISION_AMBIGUOUS', exitCode: 2 })
  })

  it('exits with 7 when an app answers wrongly', async () => {
    const silent = (path: string) =>
      path.endsWith('/proxy/ping') ? { status: 200, text: 'someone else' } : api(path)
    const controller = new AbortController()
    const { lent } = help({ signal: controller.signal })
    const progress = (event: ProgressEvent) => {
      // Stops the patience of verify, which would ask for twenty seconds.
      if (event.kind === 'step' && event.text.startsWith('asking')) setTimeout(() => controller.abort(), 20)
    }
    const result = await rollback(options, { ...lent, progress }, opens(fakeSession(scenario().helm, silent)))
    expect(rollbackError(result)).to.include({ code: 'PING_FAILED', exitCode: 7 })
  })

  it('says where a failed one leaves the release', async () => {
    const { helm } = scenario((args) => {
      if (args.startsWith('rollback')) return { exitCode: 1, stderr: 'Error: context deadline exceeded' }
      return args.startsWith('status') ? statusAnswer(3, 'failed') : undefined
    })
    const result = await rollback(options, help().lent, opens(fakeSession(helm, api)))
    const error = rollbackError(result)
    expect(error).to.include({ code: 'ROLLBACK_FAILED', exitCode: 1 })
    expect(error?.message).to.include('Release app1 is at revision 3, state failed.')
    expect(error?.suggestions[0]).to.equal(
      'Go to the last good revision with: k8sflow rollback --release app1',
    )
  })

  it('unlocks a release whose rollback was interrupted, and exits with 130', async () => {
    const controller = new AbortController()
    let states = ['pending-rollback', 'deployed']
    const { changes, helm } = scenario((args) => {
      if (args.startsWith('rollback') && args.includes('--wait')) {
        controller.abort()
        return { exitCode: 1, endedBy: 'SIGINT' }
      }
      if (!args.startsWith('status')) return undefined
      const [state = 'deployed', ...rest] = states
      states = rest
      return statusAnswer(4, state)
    })
    const result = await rollback(
      options,
      help({ signal: controller.signal }).lent,
      opens(fakeSession(helm, api)),
    )
    expect(changes).to.deep.equal([
      'rollback app1 1 --wait --timeout 5m --namespace we-road',
      'rollback app1 1 --namespace we-road',
    ])
    expect(rollbackError(result)).to.include({ code: 'INTERRUPTED', exitCode: 130 })
    expect(rollbackError(result)?.message).to.include('revision 4, state deployed')
  })

  it('changes nothing when it is interrupted before', async () => {
    const { changes, helm } = scenario()
    const error = await caught(
      rollback(options, help({ signal: AbortSignal.abort() }).lent, opens(fakeSession(helm, api))),
    )
    expect(error).to.include({ code: 'INTERRUPTED', exitCode: 130 })
    expect(changes).to.deep.equal([])
  })
})

describe('uninstall', () => {
  const options: UninstallOptions = {
    project: ['app1'],
    yes: true,
    dryRun: false,
    wait: true,
    timeout: '5m',
    allowArgocd: false,
    ignoreNotFound: false,
    deleteNamespaces: false,
  }

  it('leaves what Argo CD manages alone unless told otherwise', async () => {
    const { changes, helm } = scenario()
    const error = await caught(uninstall(options, help().lent, opens(fakeSession(helm, argocd))))
    expect(error).to.include({ code: 'MANAGED_BY_ARGOCD', exitCode: 2 })
    // A command is copied to the end of the line.
    expect(error?.suggestions[0]).to.match(/: kubectl -n we-road delete secret -l owner=helm,name=app1$/)
    expect(changes).to.deep.equal([])
    const allowed = { ...options, allowArgocd: true }
    const { notes } = await uninstall(allowed, help().lent, opens(fakeSession(helm, argocd)))
    expect(notes.join()).to.include('we-road-app1 manages app1-it and may undo this')
    expect(changes).to.have.length(1)
  })

  it('removes the release and keeps its namespace', async () => {
    const { changes, helm } = scenario()
    const { lent, events } = help()
    const result = await uninstall(options, lent, opens(fakeSession(helm, api)))
    expect(changes).to.deep.equal(['uninstall app1 --wait --timeout 5m --namespace we-road'])
    expect(result).to.deep.include({
      ok: true,
      namespaces: { kept: ['we-road-it'], deleted: [], remaining: [] },
    })
    expect(events.find(({ kind }) => kind === 'lines')).to.deep.include({
      lines: ['we-road-it: Deployment app1-it'],
    })
    expect(uninstallError(result)).to.equal(undefined)
  })

  it('empties a release that owns namespaces first, since helm would delete them', async () => {
    const { changes, helm } = scenario(undefined, true)
    await uninstall(options, help().lent, opens(fakeSession(helm, api)))
    expect(changes).to.have.length(2)
    expect(changes[0]).to.match(
      /^upgrade app1 \S*helm --set namespaces\.create=false --set firstApp\.create=false/,
    )
    expect(changes[1]).to.match(/^uninstall app1 /)
  })

  it('does not uninstall such a release when emptying it fails', async () => {
    const failing = (args: string) =>
      args.startsWith('upgrade') ? { exitCode: 1, stderr: 'Error: no' } : undefined
    const { changes, helm } = scenario(failing, true)
    const result = await uninstall(options, help().lent, opens(fakeSession(helm, api)))
    expect(changes.filter((args) => args.startsWith('uninstall'))).to.deep.equal([])
    expect(uninstallError(result)).to.include({ code: 'UNINSTALL_FAILED', exitCode: 1 })
    expect(uninstallError(result)?.message).to.include('still there, state deployed')
  })

  it('is exit 1 for a release that is not there, and none with --ignore-not-found', async () => {
    const session = opens(
      fakeSession((args) => (args.startsWith('list') ? { stdout: '[]' } : undefined), api),
    )
    expect(await caught(uninstall(options, help().lent, session))).to.include({
      code: 'RELEASE_NOT_FOUND',
      exitCode: 1,
    })
    const result = await uninstall({ ...options, ignoreNotFound: true, yes: false }, help().lent, session)
    expect(result.releases[0]).to.include({ outcome: 'not-found' })
    expect(result.ok).to.equal(true)
  })

  it('refuses to delete a namespace in which something else lives, and removes nothing', async () => {
    const { changes, helm } = scenario()
    const lived = (path: string): Reply => {
      const resources = [
        {
          resource: 'secrets',
          scope: 'Namespaced',
          verbs: ['list', 'delete'],
          responseKind: { kind: 'Secret' },
        },
      ]
      if (path === '/api') return { items: [{ versions: [{ version: 'v1', resources }] }] }
      if (path.endsWith('/secrets')) return { items: [{ metadata: { name: 'mine' } }] }
      return api(path)
    }
    const error = await caught(
      uninstall({ ...options, deleteNamespaces: true }, help().lent, opens(fakeSession(helm, lived))),
    )
    expect(error).to.include({ code: 'NAMESPACE_NOT_EMPTY', exitCode: 2 })
    expect(error?.message).to.include('we-road-it: Secret mine')
    expect(changes).to.deep.equal([])
  })

  it('deletes an empty namespace after the release, and tells it as a dry run', async () => {
    const { changes, helm } = scenario()
    let deleted = false
    const session: Session = await fakeSession(helm, (path) =>
      path === '/api/v1/namespaces/we-road-it' && deleted ? undefined : api(path),
    )
    const find = session.cluster.find.bind(session.cluster)
    const cluster = {
      ...session.cluster,
      find: async <T>(request: Parameters<typeof find>[0]) => {
        if (request.method === 'DELETE') deleted = true
        return find<T>(request)
      },
    }
    const dry = await uninstall(
      { ...options, deleteNamespaces: true, dryRun: true },
      help().lent,
      async () => ({ ...session, cluster }),
    )
    expect(dry.commands).to.deep.equal([
      'helm uninstall app1 --wait --timeout 5m --namespace we-road',
      'kubectl delete namespace we-road-it',
    ])
    expect(changes).to.deep.equal([])
    const done = await uninstall({ ...options, deleteNamespaces: true }, help().lent, async () => ({
      ...session,
      cluster,
    }))
    expect(done.namespaces).to.deep.equal({ kept: [], deleted: ['we-road-it'], remaining: [] })
  })

  it('says in what state an interruption leaves the release', async () => {
    const controller = new AbortController()
    const { helm } = scenario((args) => {
      if (args.startsWith('status')) return statusAnswer(2, 'uninstalling')
      if (!args.startsWith('uninstall')) return undefined
      controller.abort()
      return { exitCode: 1, endedBy: 'SIGINT' }
    })
    const result = await uninstall(
      options,
      help({ signal: controller.signal }).lent,
      opens(fakeSession(helm, api)),
    )
    expect(uninstallError(result)).to.include({ code: 'INTERRUPTED', exitCode: 130 })
    expect(uninstallError(result)?.message).to.include('still there, state uninstalling')
  })
})

describe('history', () => {
  it('has every release of the apps, or the ones named', async () => {
    const session = opens(fakeSession(scenario().helm, api))
    const result = await history({}, help().lent.progress, session)
    expect(result.releases.map(({ release, revisions }) => [release, revisions.length])).to.deep.equal([
      ['app1', 2],
    ])
    expect(await caught(history({ project: ['app2'] }, help().lent.progress, session))).to.include({
      code: 'RELEASE_NOT_FOUND',
    })
  })
})
